"""What a uvloop loop waits for, and how often it turned.

Problem: it waits in C: there is no selector of Python's, no list of timers, no queue to read.
Approach: ``uvloop.loop.libuv_get_loop_t_ptr`` gives libuv's own loop, and the extension module
exports libuv's functions: ``uv_walk`` goes through the handles, ``uv_metrics_info`` counts turns. A
handle's type and the number of requests under way (writes, look-ups of names) have no function
there; they are read from the structures of libuv's public header. Where these don't read as they
should, or a function is missing, nothing is said.
Limits: to be asked in the loop itself, whose lists change while it runs. Seen on uvloop 0.21 to
0.23 (libuv 1.48 to 1.52), on Linux.
"""

from __future__ import annotations

import ctypes
from typing import Any

from uvloop import loop as _loop_module

from ..own import threading
from .parts import UVLOOP as NEEDS

uv: Any = _loop_module

# of libuv's ``uv_handle_type``
_ASYNC, _CHECK, _IDLE, _POLL, _PREPARE, _TIMER = 1, 2, 6, 8, 9, 13
# what is run before or after each turn, or to wake the loop: it brings nothing by itself
_QUIET = frozenset({_ASYNC, _CHECK, _IDLE, _PREPARE})
# milliseconds; for `math.inf`, as anyio sleeps forever, uvloop takes a hundred years
_FOREVER = 50 * 365 * 24 * 3600 * 1000
_METRICS = 16  # numbers in ``uv_metrics_t``, of which the first one counts the turns


class _Handle(ctypes.Structure):
    """The beginning of ``uv_handle_t``."""

    _fields_ = [("data", ctypes.c_void_p), ("loop", ctypes.c_void_p), ("type", ctypes.c_int)]


class _Loop(ctypes.Structure):
    """The beginning of ``uv_loop_t``."""

    _fields_ = [
        ("data", ctypes.c_void_p),
        ("active_handles", ctypes.c_uint),
        ("handle_queue", ctypes.c_void_p * 2),
        ("active_requests", ctypes.c_uint),
    ]


class LoopWaits:
    """Says of one loop what it waits for; to be asked in a callback of the loop's."""

    def __init__(self, loop: Any) -> None:
        # PyDLL and its functions keep the interpreter's lock, so that nothing changes meanwhile
        library = ctypes.PyDLL(uv.__file__)
        ask = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
        self._is_active = ask(("uv_is_active", library))
        self._is_closing = ask(("uv_is_closing", library))
        self._has_ref = ask(("uv_has_ref", library))
        self._due_in = ctypes.PYFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p)(
            ("uv_timer_get_due_in", library)
        )
        self._metrics = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(
            ("uv_metrics_info", library)
        )
        self._visit = ctypes.PYFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
        self._walk = ctypes.PYFUNCTYPE(None, ctypes.c_void_p, self._visit, ctypes.c_void_p)(
            ("uv_walk", library)
        )
        pointer = ctypes.pythonapi.PyCapsule_GetPointer
        pointer.restype, pointer.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
        self._address: int = pointer(uv.libuv_get_loop_t_ptr(loop), None)
        self._last_turns = self._turns()

    def is_same(self) -> bool:
        """Whether the loop has turned for this look at most since the last one."""
        turns = self._turns()
        is_same = turns <= self._last_turns + 1
        self._last_turns = turns
        return is_same

    def _turns(self) -> int:
        numbers = (ctypes.c_uint64 * _METRICS)()
        self._metrics(self._address, numbers)
        return numbers[0]

    def is_for_nothing(self) -> bool:
        """Whether it waits for no timer, no I/O, no process and no request."""
        handles = self._handles()
        loop = _Loop.from_address(self._address)
        active = [handle for handle in handles if self._is_active(handle)]
        reads_well = all(_Handle.from_address(one).loop == self._address for one in handles)
        counted = sum(bool(self._has_ref(handle)) for handle in active)
        if not reads_well or loop.active_handles != counted:
            return False
        if loop.active_requests or any(self._is_closing(handle) for handle in handles):
            return False
        # one is there always, in the main thread: what signals wake the loop with
        known = [_POLL] if threading.current_thread() is threading.main_thread() else []
        return [_type_of(one) for one in active if self._may_bring(one)] == known

    def _may_bring(self, handle: int) -> bool:
        """Whether something may come by an active handle."""
        kind = _type_of(handle)
        return kind not in _QUIET and (kind != _TIMER or self._due_in(handle) < _FOREVER)

    def _handles(self) -> list[int]:
        found: list[int] = []
        self._walk(self._address, self._visit(lambda handle, _: found.append(handle)), None)
        return found


def waits_of(loop: Any) -> LoopWaits | None:
    """What says of a loop what it waits for; None where this uvloop can't be asked."""
    if NEEDS.gone():
        return None
    try:
        return LoopWaits(loop)
    except (AttributeError, OSError):
        return None


def _type_of(handle: int) -> int:
    number: int = _Handle.from_address(handle).type
    return number
