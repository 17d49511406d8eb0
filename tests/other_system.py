"""Another system, as far as a Linux process can be one: what it lacks is taken away.

Named as a plugin (``-p corpus.windows``, ``-p corpus.macos``) before all others, so that it is gone
when they are imported. Limits: paths are Linux', ``sys.platform`` is what it is, for the standard
library and trio would import what is not there; and sockets, processes and threads are Linux'.
"""

from __future__ import annotations

import multiprocessing
import os
import select
import selectors
import signal
import socket
import time
from types import SimpleNamespace
from typing import Any

from trio._core import _io_epoll

# what Windows has not; the last two are macOS' lack, too
_WINDOWS: tuple[tuple[Any, str], ...] = (
    *((signal, name) for name in ("pthread_kill", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGCHLD")),
    *((signal, name) for name in ("setitimer", "sigwait", "pthread_sigmask")),
    *((os, name) for name in ("fork", "forkpty", "register_at_fork", "pidfd_open")),
    *((select, name) for name in ("poll", "epoll")),
    *((selectors, name) for name in ("PollSelector", "EpollSelector")),
    (socket, "SO_PEERCRED"),
)
_MACOS: tuple[tuple[Any, str], ...] = (
    *((os, name) for name in ("pidfd_open",)),
    (select, "epoll"),
    (selectors, "EpollSelector"),
    *((socket, name) for name in ("SO_PEERCRED", "TCP_INFO")),
    (time, "pthread_getcpuclockid"),
)


def become(system: str) -> None:
    """Take away what this process has and another system has not."""
    # trio waits with epoll wherever ``sys.platform`` is Linux': it keeps its own
    names: dict[str, Any] = _io_epoll.__dict__
    names["select"] = SimpleNamespace(**vars(select))
    lacks = {"windows": _WINDOWS, "macos": _MACOS}[system]
    for owner, name in lacks:
        if hasattr(owner, name):
            delattr(owner, name)
    kind = "SelectSelector" if system == "windows" else "PollSelector"
    selectors.DefaultSelector = getattr(selectors, kind)  # type: ignore[misc]
    multiprocessing.set_start_method("spawn")
