"""What a uvloop loop waits for, read from outside while it sleeps.

Problem: it waits in C: there is no selector of Python's, no list of timers. Who asks it wakes it,
and it goes on with whatever another thread has put into it without telling it.
Approach: ``uvloop.loop.libuv_get_loop_t_ptr`` gives the address of libuv's own loop, and libuv's
public header what its first fields are: how many handles are active and how many requests (writes,
look-ups of names) under way. Active in a loop that sleeps are the one that wakes it, in the main
thread one for signals, its timers, which the collector knows, and until its first turn is over the
one that writes its streams (``uv_check_t``). The last one is among the first of its handles, which
stay where they are until it is closed; they are read by ``/proc/self/mem``, which answers with an
error where nothing is any more. That a loop has not turned between two looks is told by the
processor time of its thread.
Problem: C that the loop calls (a callback such as `time.sleep`) has no frame either, and a loop
that is held by it looks as if it slept. Approach: ``/proc/self/task/…/syscall`` says which call of
the system's a thread is in. A loop sleeps in one for its own descriptor (``_get_backend_id``), with
a place for the events, how many there is room for, and how many milliseconds it may take.
Limits: without ``/proc`` nothing is said. Seen on uvloop 0.21 to 0.23 (libuv 1.48 to 1.52).
"""

from __future__ import annotations

import ctypes
from typing import Any

from uvloop import loop as _loop_module

from ..own import os, threading
from .asyncio_threads import Untold, left_in, timers_of
from .cpython.threads import processor_time
from .parts import UVLOOP as NEEDS

uv: Any = _loop_module

_FOREVER = 50 * 365 * 24 * 3600  # seconds; for `math.inf` uvloop takes a hundred years
_CHECK = 2  # of libuv's ``uv_handle_type``
_ACTIVE = 4  # of the flags of a handle
_FIRST = 8  # handles of a loop, among which those are that it makes itself
_NO_TIMEOUT = 0xFFFFFFFF  # that of an ``int`` which is -1
_A_DAY = 24 * 3600 * 1000  # milliseconds
_ROOM = 1 << 16  # events that a loop asks for at most at once; no address is that small


class _Loop(ctypes.Structure):
    """The beginning of ``uv_loop_t``."""

    _fields_ = [
        ("data", ctypes.c_void_p),
        ("active_handles", ctypes.c_uint),
        ("handle_queue", ctypes.c_void_p * 2),
        ("active_requests", ctypes.c_uint),
    ]


class _Handle(ctypes.Structure):
    """``uv_handle_t``."""

    _fields_ = [
        ("data", ctypes.c_void_p),
        ("loop", ctypes.c_void_p),
        ("type", ctypes.c_int),
        ("close_cb", ctypes.c_void_p),
        ("handle_queue", ctypes.c_void_p * 2),
        ("reserved", ctypes.c_void_p * 4),
        ("next_closing", ctypes.c_void_p),
        ("flags", ctypes.c_uint),
    ]


class LoopWaits:
    """Says of one loop what it waits for; to be asked in another thread, while it sleeps."""

    def __init__(self, loop: Any, thread: int) -> None:
        pointer = ctypes.pythonapi.PyCapsule_GetPointer
        pointer.restype, pointer.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
        self._loop = loop  # the fields are its memory
        self._address: int = pointer(uv.libuv_get_loop_t_ptr(loop), None)
        self._fields = _Loop.from_address(self._address)
        self._descriptor: int = loop._get_backend_id()
        self._check = self._find_check()
        natives = (one.native_id for one in threading.enumerate() if one.ident == thread)
        self._thread = next(natives, None)
        self._known = 1 + (thread == threading.main_thread().ident)
        self._last: int | None = -1
        self._is_endless = False  # whether no timer was to end, for a day, the sleep seen last
        self.is_still = False  # whether the last look was at the same wait as the one before

    def _find_check(self) -> int | None:
        """The address of the first of the loop's handles that is such a one."""
        link = self._fields.handle_queue[0]
        for _ in range(_FIRST):
            address = (link or 0) - _Handle.handle_queue.offset
            handle = self._handle(address)
            if handle is None or handle.type == _CHECK:
                return None if handle is None else address
            link = handle.handle_queue[0]
        return None

    def _handle(self, address: int) -> _Handle | None:
        """A handle of the loop's; None where there is none, or it is laid out in another way."""
        handle = _copied(address)
        return handle if handle is not None and handle.loop == self._address else None

    def is_same(self) -> bool:
        """Whether the loop's thread has done nothing since this was asked last."""
        last = self._last
        self._last = None if self._thread is None else processor_time(self._thread)
        self.is_still = self._last == last
        return self.is_still

    def is_asleep(self) -> bool | None:
        """Whether its thread waits for the loop's descriptor, and is in nothing that it called.

        To be asked in another thread; None where the system does not tell.
        """
        told = None if self._thread is None else _read(f"/proc/self/task/{self._thread}/syscall")
        if not told:
            return None
        # nothing, or numbers in hex; of a thread that runs, only a word
        arguments = [int(one, 16) for one in told.split()[1:5]]
        if len(arguments) < 4 or arguments[0] != self._descriptor:
            return False
        _, events, room, timeout = arguments
        self._is_endless = timeout & _NO_TIMEOUT >= _A_DAY  # -1 is the greatest, as it stands there
        return events > _ROOM >= room > 0

    def others(self) -> int | None:
        """How many handles and requests of its user's it waits for, while it sleeps.

        Timers left out; None where its own handles are not where they should be.
        """
        check = None if self._check is None else self._handle(self._check)
        if check is None or self._loop.is_closed():
            return None
        own = self._known + bool(check.flags & _ACTIVE) + len(self._timers())
        return int(self._fields.active_handles + self._fields.active_requests) - own

    def is_for_nothing(self) -> bool:
        """Whether it sleeps, and for no timer, no I/O, no process and no request."""
        return self.others() == 0 and self._has_no_timer() and self.is_asleep() is True

    def untold(self) -> Untold | None:
        """What other threads have made ready in it since it sleeps, without telling it."""
        if not self.is_still or not self.is_asleep():
            return None
        is_endless = self._is_endless
        found = left_in(self._loop, is_endless=is_endless)
        is_same = bool(found) and self.is_asleep() is True and self._is_endless == is_endless
        return Untold(found, is_endless) if is_same else None

    def _timers(self) -> list[Any]:
        return [one for one in timers_of(self._loop) if not one.cancelled()]

    def _has_no_timer(self) -> bool:
        return all(one.when() > _FOREVER for one in self._timers())


def _copied(address: int) -> _Handle | None:
    """What is at an address, also where a loop was closed meanwhile and nothing is there."""
    found = _read("/proc/self/mem", ctypes.sizeof(_Handle), address)
    try:
        return _Handle.from_buffer_copy(found)
    except ValueError:
        return None


def _read(path: str, size: int = 1024, offset: int = 0) -> bytes:
    """What a file of the system's has there; nothing where it can't be read."""
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.pread(file, size, offset)
    except (OSError, OverflowError):
        return b""
    finally:
        os.close(file)


def waits_of(loop: Any, thread: int) -> LoopWaits | None:
    """What says of a loop what it waits for; None where this uvloop can't be asked.

    The thread is the one that the loop runs in.
    """
    return None if NEEDS.gone() else LoopWaits(loop, thread)
