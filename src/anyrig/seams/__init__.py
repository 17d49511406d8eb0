"""Every use of something our neighbours do not promise, one file (or folder) per neighbour.

cpython/       the interpreter and its standard library
anyio          its plugin's runners, and the cancel scopes on asyncio
trio           the cancel scopes and nurseries of a task
asyncio        the loop of a callback, and the errors of a task group
asyncio_turns  what a loop has ready, and a call after each of its turns
asyncio_errors the exceptions that nobody retrieved, and whose handler hears of them
uvloop         what a loop that waits in C waits for
unittest_mock  the names inside a mock
doubles        the mock classes of anyrig.mocks, on those of unittest.mock
cython         the coroutines of compiled code

Each names its reason and the versions it was seen on; ``tests/seams/`` has a test for each that
fails by name when upstream moves. `check` says at start-up what is gone.
"""

from __future__ import annotations

import platform
import sysconfig
from collections.abc import Callable, Iterator
from importlib import metadata
from itertools import chain

from .._version import __version__
from ..own import sys


class SeamGone(Exception):
    """A neighbour changed something that anyrig stands on; the message says which."""


def unsupported() -> str | None:
    """What of this interpreter anyrig can't stand on, whatever names it has; None on CPython's own.

    Other ones have other finalisers, frames and generations; a free-threaded one has no generations
    at all, and its coroutines may die in any thread.
    """
    name = sys.implementation.name
    if name != "cpython":
        return f"it needs CPython, and this is {name}"
    is_gil_enabled: Callable[[], bool] = getattr(sys, "_is_gil_enabled", lambda: True)
    if sysconfig.get_config_var("Py_GIL_DISABLED") or not is_gil_enabled():
        return "it does not support free-threaded builds yet"
    return None


def check() -> None:
    """Raise `SeamGone` with one clear line where the interpreter lacks what the watch needs."""
    why = unsupported()
    if why is not None:
        raise SeamGone(
            f"anyrig {__version__} can't watch on this Python: {why}. Run with '-p no:anyrig'."
        )
    first = next(_missing(), None)
    if first is not None:
        package, name = first
        raise SeamGone(
            f"anyrig {__version__} can't watch with {package}: {name} is gone. Install a newer "
            f"anyrig, or the {package.partition(' ')[0]} before, or run with '-p no:anyrig'."
        )


def _missing() -> Iterator[tuple[str, str]]:
    """Each private name that is not there, after the package and its version that it was in.

    trio's are asked for where it is loaded: a run on asyncio alone does without it.
    """
    from . import anyio, asyncio, cpython

    for name in chain(cpython.missing(), asyncio.missing()):
        yield f"{platform.python_implementation()} {platform.python_version()}", name
    for name in anyio.missing():
        yield f"anyio {metadata.version('anyio')}", name
    if "trio._core._run" in sys.modules:
        from . import trio

        for name in trio.missing():
            yield f"trio {metadata.version('trio')}", name
