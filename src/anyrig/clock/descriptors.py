"""What is at the other end of a descriptor that a loop waits for: this process, or another one.

Problem: a socket that another process writes to has to hold virtual time, and one whose other end
is in the same loop, and waits as well, must not: nothing would ever happen.
Approach: a descriptor is asked what it is. A pipe has both its ends here if this process has its
inode twice; a socket, if one of this process's has its peer's name, or (on AF_UNIX) was made by it.
What TCP has sent and received is part of what stands for a connection: one that was idle is a new
one when it is used again.
An epoll descriptor, which a loop within a loop waits for, is asked what it waits for itself.
Limits: /proc tells the inodes and what has no name; where there is none, each pipe counts as one of
another process, and what is no socket and no pipe as well. Windows' sockets are no descriptors of
C's: they are asked as sockets, and each counts as one of another process.
"""

from __future__ import annotations

import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from ..own import os, socket

_HERE = "/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"
_PIDFD = "anon_inode:[pidfd]"
_EPOLL = "anon_inode:[eventpoll]"
# where `struct tcp_info` of <linux/tcp.h> has tcpi_bytes_acked to tcpi_segs_in, since Linux 4.2
_COUNTS = 120, 144


class Other(NamedTuple):
    """What may make a descriptor ready."""

    words: str
    is_process: bool = False  # whether it is the end of a subprocess
    is_here: bool = False  # whether it is in this process: in another thread, or in the same loop
    is_poll: bool = False  # whether it is a set of descriptors: see `polled`


class Identity(NamedTuple):
    """What stands for an open descriptor: its number may be used again."""

    fd: int
    device: int
    inode: int
    traffic: bytes = b""  # changes with what a connection sends and receives


def identity(fd: int) -> Identity | None:
    """What stands for a descriptor; None where it is closed."""
    try:
        status = os.fstat(fd)
        traffic = _traffic(fd) if stat.S_ISSOCK(status.st_mode) else b""
    except OSError:
        return _of_handle(fd)
    return Identity(fd, status.st_dev, status.st_ino, traffic)


def _of_handle(fd: int) -> Identity | None:
    """What stands for a socket of Windows', which is no descriptor of C's: its names do."""
    try:
        with _lent(fd) as one:
            names = (one.getsockname(), one.getpeername())
    except OSError:
        return Identity(fd, 0, 0) if _is_socket(fd) else None
    return Identity(fd, 0, 0, repr(names).encode())


def _is_socket(fd: int) -> bool:
    try:
        with _lent(fd) as one:
            one.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE)
    except OSError:
        return False
    return True


def _traffic(fd: int) -> bytes:
    """What Linux counts of a TCP connection, as it is: acknowledged, received, and the segments."""
    if not hasattr(socket, "TCP_INFO"):
        return b""
    with _lent(fd) as one, suppress(OSError):  # of one that is no TCP connection
        return one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _COUNTS[1])[slice(*_COUNTS)]
    return b""


def other_end(fd: int) -> Other | None:
    """What is at the other end; None where that is nobody, or a pipe's end in this process."""
    try:
        mode = os.fstat(fd).st_mode
    except OSError:
        # it was closed meanwhile, or is a socket of Windows'
        return _of_socket(fd) if _is_socket(fd) else None
    try:
        if stat.S_ISSOCK(mode):
            return _of_socket(fd)
        if stat.S_ISFIFO(mode):
            return None if _has_both_ends(fd) else Other("a pipe of another process")
    except OSError:
        return None  # it was closed meanwhile
    link = _link(fd)
    if link == _PIDFD:
        return Other(f"the subprocess {_pid(fd)}", is_process=True)
    words = f"the descriptor {fd} ({link})" if link else f"the descriptor {fd}"
    return Other(words, is_poll=link == _EPOLL)


def polled(fd: int) -> list[int]:
    """The descriptors in the set that an epoll descriptor stands for."""
    try:
        text = Path(f"/proc/self/fdinfo/{fd}").read_text(encoding="ascii")
    except OSError:
        return []  # it was closed meanwhile
    return [int(line.split()[1]) for line in text.splitlines() if line.startswith("tfd:")]


def _of_socket(fd: int) -> Other | None:
    with _lent(fd) as one:
        if one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return None
        if one.family == getattr(socket, "AF_UNIX", None):
            is_here = _maker(one) == os.getpid()
            return Other(
                f"a socket of {'a thread' if is_here else 'another process'}", False, is_here
            )
        try:
            peer = one.getpeername()
        except OSError:
            return Other("a socket that is not connected yet")
        name = one.getsockname()
    is_here = any(ends == (peer, name) for ends in _own_sockets())
    return Other(f"the socket to {_address(peer)}", is_here=is_here)


def _own_sockets() -> Iterator[tuple[object, object]]:
    """The two names of each connected socket of this process."""
    if not os.path.isdir(_HERE):
        return  # Windows shows nobody's descriptors
    for entry in os.listdir(_HERE):
        # what the folder was read with is open no more
        with suppress(OSError):
            if stat.S_ISSOCK(os.fstat(int(entry)).st_mode):
                with _lent(int(entry)) as one:
                    names = one.getsockname(), one.getpeername()
                yield names


@contextmanager
def _lent(fd: int) -> Iterator[socket.socket]:
    """A socket for the same end, while entered; the end stays open. OSError where it is none."""
    one = socket.socket(fileno=fd)
    try:
        yield one
    finally:
        one.detach()


def _maker(one: socket.socket) -> int | None:
    """The process that made the other end of an AF_UNIX socket."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return None
    pid: int = struct.unpack("3i", one.getsockopt(socket.SOL_SOCKET, option, 12))[0]
    return pid


def _has_both_ends(fd: int) -> bool:
    own = _link(fd)
    others = (entry for entry in os.listdir(_HERE) if int(entry) != fd)
    return own is not None and any(_link(int(entry)) == own for entry in others)


def _link(fd: int) -> str | None:
    try:
        return os.readlink(f"{_HERE}/{fd}")
    except OSError:
        return None


def _pid(fd: int) -> str:
    with open(f"/proc/self/fdinfo/{fd}", encoding="ascii") as file:
        return next((line.split()[1] for line in file if line.startswith("Pid:")), "?")


def _address(peer: object) -> str:
    if isinstance(peer, tuple) and len(peer) >= 2:
        return f"{peer[0]}:{peer[1]}"
    return str(peer)
