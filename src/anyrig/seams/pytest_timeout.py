"""pytest-timeout's own timer and handler of a signal: they end a test, and wake no loop.

Problem: a thread that is at work and a handler of a signal might wake a loop that waits, so that
no deadlock is looked for beside them. Approach: both run functions of the module
``pytest_timeout``: the handler is one, and a `threading.Timer` of its own calls one. Seen on
pytest-timeout 2.3 and 2.4.
"""

from __future__ import annotations

from types import FrameType

from ..own import threading

_MODULE = "pytest_timeout"


def is_handler(handler: object) -> bool:
    """Whether a handler of a signal is its own."""
    return getattr(handler, "__module__", None) == _MODULE


def is_timer(frame: FrameType | None) -> bool:
    """Whether a thread, by its innermost frame, waits to end a test for it."""
    while frame is not None:
        if frame.f_code.co_name == "run":
            timer = frame.f_locals.get("self")
            if isinstance(timer, threading.Timer):
                return is_handler(timer.function)
        frame = frame.f_back
    return False
