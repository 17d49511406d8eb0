"""What the handler of a signal raises where the interpreter has nobody to pass it on to.

Problem: handlers run between any two instructions of the main thread, also of what the
interpreter calls itself: a finaliser, a callback of the collector, the hook of a coroutine that
dies. What one raises there is reported as unraisable and gone: Ctrl-C does not end the run.
Approach: an error that ends up there is asked whether a handler raised it. If so, its signal comes
once more (``_thread.interrupt_main``, which does what a signal does), and the handler runs again
where somebody hears it. Who asks has to leave before it is run, so the last thing that it does is
``[*map(interrupt_main, signals_behind(error))]``: the interpreter looks for signals after a call
that Python code makes, and not after one that ``map`` makes for a list.
Limits: a handler that raises only once is not heard. Seen on CPython 3.11 to 3.15.
"""

from __future__ import annotations

import _thread
import dis
import functools
from collections.abc import Callable
from types import CodeType, TracebackType
from typing import Any

from ...own import signal, threading
from ..needs import Of, Table, optional

NEEDS = Table(
    optional(
        *("a KeyboardInterrupt that is raised by hand in a finaliser", "dis", "opmap"),
        *(("RAISE_VARARGS",), Of.KEYS),
    )
)

interrupt_main: Callable[[int], None] = _thread.interrupt_main  # type: ignore[assignment]


def signals_behind(error: BaseException | None) -> tuple[int, ...]:
    """The signal whose handler has raised this error just now; empty where none did."""
    traceback = None if error is None else error.__traceback__
    if traceback is None or threading.current_thread() is not threading.main_thread():
        return ()
    codes, innermost = _walk(traceback)
    for number in signal.valid_signals():
        handler = signal.getsignal(number)
        if handler is signal.default_int_handler:
            if isinstance(error, KeyboardInterrupt) and not _is_raised_by_hand(innermost):
                return (number,)
        elif _code_of(handler) in codes:
            return (number,)
    return ()


def _walk(traceback: TracebackType) -> tuple[set[CodeType], TracebackType]:
    codes = {traceback.tb_frame.f_code}
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
        codes.add(traceback.tb_frame.f_code)
    return codes, traceback


def _code_of(handler: Any) -> CodeType | None:
    while isinstance(handler, functools.partial):
        handler = handler.func
    code = getattr(handler, "__code__", None)  # a method has that of its function
    return code if isinstance(code, CodeType) else None


def _is_raised_by_hand(innermost: TracebackType) -> bool:
    """Whether a ``raise`` stands where an error came from, and not just any instruction."""
    code = innermost.tb_frame.f_code.co_code
    return dis.opname[code[innermost.tb_lasti]] == "RAISE_VARARGS"
