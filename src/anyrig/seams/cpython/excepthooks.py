"""What the interpreter calls for an exception in a thread, or that it can raise nowhere.

Problem: pytest hears of these in hooks of its own and makes warnings of them, from 8.4 on in hooks
for the whole run, before in hooks for each phase.
Approach: ours stand before whatever is there when they are entered, and hand on what they do not
take. What a test puts before ours hears first. What the handler of a signal has raised is none of
these: the signal comes again (see `swallowed`).
From Python 3.14 on ``object`` is None for what the
interpreter itself calls (a ``__del__``, a weak reference's callback), and is named in ``err_msg``
alone, by its ``repr``: the name is read off that. Limits: one with a ``repr`` of its own has no
name there. Seen on CPython 3.11 to 3.15.
"""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable
from types import (
    AsyncGeneratorType,
    BuiltinFunctionType,
    CoroutineType,
    FunctionType,
    GeneratorType,
    MethodType,
    TracebackType,
)
from typing import Any, Self

from ...losses import Loss, Way
from .swallowed import interrupt_main, signals_behind

# what has a name of its own, that can be asked for without running anybody's code
_NAMED = (
    AsyncGeneratorType,
    BuiltinFunctionType,
    CoroutineType,
    FunctionType,
    GeneratorType,
    MethodType,
)

# how `repr` shows these, and what has none of its own, at the end of ``err_msg``
_REPR = re.compile(
    r" <(?:(?:built-in )?(?:function|method)|bound method|(?:async_)?generator object"
    r"|coroutine object) (?P<function>[^\s?]\S*?)(?: at 0x[0-9a-f]+| of .*)?>$"
    r"| <(?:[\w.]+\.)?(?P<kind>\w+) object at 0x[^>]*>$",
    re.IGNORECASE,
)


class ExceptHooks:
    """Calls ``note(loss, thread)`` for each such exception while entered.

    It runs wherever that is: in any thread, in the middle of a collection. It answers whether it
    took the exception; where it did not, the hook that was there before is called. Where
    ``stands_back`` is set, a hook of the user's keeps its place.
    """

    def __init__(
        self,
        note: Callable[[Loss, threading.Thread | None], bool],
        *,
        stands_back: bool = False,
    ) -> None:
        self._note = note
        self._stands_back = stands_back
        self._unraisable = self._on_unraisable  # one object each, to be found again
        self._thread = self._on_thread
        self._before: tuple[Callable[[Any], object], Callable[[Any], object]] | None = None

    def __enter__(self) -> Self:
        self._before = sys.unraisablehook, threading.excepthook
        if not (self._stands_back and _is_users(sys.unraisablehook)):
            sys.unraisablehook = self._unraisable
        if not (self._stands_back and _is_users(threading.excepthook)):
            threading.excepthook = self._thread
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._before is None:
            return
        if sys.unraisablehook is self._unraisable:
            sys.unraisablehook = self._before[0]
        if threading.excepthook is self._thread:
            threading.excepthook = self._before[1]

    def _on_unraisable(self, unraisable: Any, /) -> None:
        numbers = signals_behind(unraisable.exc_value)
        if not numbers:
            self._take_unraisable(unraisable)
        [*map(interrupt_main, numbers)]

    def _take_unraisable(self, unraisable: Any) -> None:
        error = unraisable.exc_value
        # a warning that a filter has made an error of is the filter's, not lost
        is_lost = isinstance(error, Exception) and not isinstance(error, Warning)
        if not is_lost or not self._note(Loss(Way.FINALISER, _finaliser(unraisable), error), None):
            assert self._before is not None
            self._before[0](unraisable)

    def _on_thread(self, args: Any, /) -> None:
        name = "" if args.thread is None else args.thread.name
        if not isinstance(args.exc_value, Exception) or not self._note(
            Loss(Way.THREAD, name, args.exc_value), args.thread
        ):
            assert self._before is not None
            self._before[1](args)


def _is_users(hook: object) -> bool:
    """Whether a hook is neither the interpreter's nor pytest's nor ours."""
    if hook in (sys.__unraisablehook__, threading.__excepthook__):
        return False
    module = getattr(hook, "__module__", None) or ""
    return not module.startswith(("_pytest.", "anyrig."))


def _finaliser(unraisable: Any) -> str:
    if unraisable.object is not None:
        return _name_of(unraisable.object)
    found = _REPR.search(str(unraisable.err_msg or ""))
    return "" if found is None else found["function"] or found["kind"]


def _name_of(thing: object) -> str:
    kind = type(thing)
    if issubclass(kind, _NAMED):
        return str(thing.__qualname__)  # type: ignore[attr-defined]
    return "" if thing is None else kind.__qualname__
