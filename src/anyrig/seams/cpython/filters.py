"""A warning filter that stays in front of every other one.

Problem: the methods of async generators, and compiled coroutines, say "never awaited" through an
ordinary warning, which any later filter hides before Python code gets to see it.
Approach: the C code walks ``warnings.filters`` from its head and calls ``match(text)`` on each
entry's message pattern. Our entry has a pattern of our own, and the list keeps it at its head
through ``filterwarnings``, ``catch_warnings`` and ``resetwarnings`` (up to Python 3.13 ``filters[:]
= []``, then ``del filters[:]``). Whoever changes the list by hand changes it as it is without us.
Limits: code that puts a new list into ``warnings.filters`` without our entry loses it until the
next phase of a test; so does who takes one entry after the other away until none is left. The same
list tells where each filter was set, for the report; the code of ``warnings`` is in
``_py_warnings`` from Python 3.14 on. Seen on CPython 3.11 to 3.15.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType, TracebackType
from typing import Any, Self

from ...own import sys
from ..needs import Of, Table, optional
from . import warning_contexts

NEEDS = Table(
    optional("a changed filter counts at once", "warnings", "", ("_filters_mutated",)),
    optional(
        *("recorded warnings in a context", "_py_warnings", "_Context", ("_filters",)),
        *(Of.INSTANCES, (3, 14)),
    ),
)

_NEVER_AWAITED = "was never awaited"
_WARNINGS = ("warnings", "_py_warnings")


class SetFilter(tuple[Any, ...]):
    """A filter entry that knows the file and line that set it."""

    code: CodeType
    instruction: int

    @property
    def filename(self) -> str:
        return self.code.co_filename

    @property
    def lineno(self) -> int:
        lines = list(self.code.co_positions())
        return lines[self.instruction // 2][0] or self.code.co_firstlineno


class _Pattern:
    """The message pattern of our entry: asked by the interpreter for the text of each warning."""

    def __init__(self, note: Callable[[str, FrameType], bool] | None) -> None:
        self.note = note

    def match(self, text: str) -> bool:
        # the interpreter keeps the last list it used, and asks it again while it shuts down
        if self.note is None or _NEVER_AWAITED not in text or not text.startswith("coroutine "):
            return False
        return self.note(text, sys._getframe(1))


class _FilterList(list[Any]):
    """``warnings.filters`` with one entry that stays at its head."""

    def __init__(self, entries: list[Any], head: tuple[Any, ...]) -> None:
        super().__init__(entries)
        self._head = head
        self._put()

    def _put(self) -> None:
        if not self or super().__getitem__(0) is not self._head:
            super().insert(0, self._head)

    def _take(self) -> bool:
        is_there = bool(self) and super().__getitem__(0) is self._head
        if is_there:
            super().__delitem__(0)
        return is_there

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """The list as it is without our entry, for what may set a filter."""
        self._take()
        try:
            yield
        finally:
            self._put()

    @contextmanager
    def _losing(self, *, one: bool = False) -> Iterator[None]:
        """The same, for what takes filters away.

        Where ``one`` is to go and there is none but ours, that one is it: a loop that takes one
        after the other is to end.
        """
        is_there = not (one and len(self) == 1) and self._take()
        try:
            yield
        finally:
            if is_there:
                self._put()

    def insert(self, index: Any, entry: Any, /) -> None:
        # each filter of each phase comes this way: nothing is taken out and put back for it
        after = index + 1 if index >= 0 else max(len(self) + index, 1)
        super().insert(after, _placed(entry, sys._getframe(1)))
        self._put()

    def append(self, entry: Any, /) -> None:
        with self._alone():
            super().append(_placed(entry, sys._getframe(1)))

    def extend(self, entries: Any, /) -> None:
        with self._alone():
            super().extend(entries)

    def __iadd__(self, entries: Any, /) -> Self:  # type: ignore[misc]
        self.extend(entries)
        return self

    def __imul__(self, count: Any, /) -> Self:  # type: ignore[misc]
        with self._alone():
            super().__imul__(count)
        return self

    def sort(self, /, **options: Any) -> None:
        with self._alone():
            super().sort(**options)

    def reverse(self) -> None:
        with self._alone():
            super().reverse()

    def __getitem__(self, index: Any) -> Any:
        got = super().__getitem__(index)
        return _FilterList(got, self._head) if isinstance(index, slice) else got

    def __setitem__(self, index: Any, value: Any) -> None:
        with self._alone():
            super().__setitem__(index, value)

    def __delitem__(self, index: Any) -> None:
        with self._losing(one=not isinstance(index, slice)):
            super().__delitem__(index)

    def clear(self) -> None:
        with self._losing():
            super().clear()

    def pop(self, *index: Any) -> Any:
        with self._losing(one=True):
            return super().pop(*index)


def _placed(entry: Any, frame: FrameType | None) -> Any:
    while frame is not None and frame.f_globals.get("__name__") in _WARNINGS:
        frame = frame.f_back
    if frame is None or frame.f_globals.get("__package__") == "_pytest" or type(entry) is not tuple:
        return entry  # pytest sets some for each test, and says itself which
    placed = SetFilter(entry)
    placed.code, placed.instruction = frame.f_code, frame.f_lasti
    return placed


class FirstFilter:
    """Calls ``note(text, frame)`` for each "never awaited" warning, whatever other filters say.

    ``frame`` is the code that was running; the answer says whether the warning is ours, and so
    shown to nobody else.
    """

    def __init__(
        self,
        note: Callable[[str, FrameType], bool],
        outer: warning_contexts.Outer | None = None,
    ) -> None:
        self._note = note
        self._outer = outer or warning_contexts.Outer()
        self._pattern = _Pattern(None)
        self._entry = ("ignore", self._pattern, RuntimeWarning, None, 0)

    def __enter__(self) -> Self:
        self._pattern.note = self._note
        self.ensure()
        return self

    def ensure(self) -> None:
        """Put our entry back at the head where somebody replaced the whole list."""
        if not self._is_head(warnings.filters):
            warnings.filters = _FilterList(list(warnings.filters), self._entry)
            _mutated()
        for context in self._outer.contexts():
            if not self._is_head(context._filters):
                context._filters = _FilterList(context._filters, self._entry)
                _mutated()

    def _is_head(self, filters: Any) -> bool:
        return type(filters) is _FilterList and bool(filters) and filters[0] is self._entry

    def rest(self) -> None:
        """Leave the filters as they are without us, until `ensure`."""
        warnings.filters = self._without(warnings.filters)
        for context in self._outer.contexts():
            context._filters = self._without(context._filters)
        _mutated()

    def _without(self, filters: Any) -> list[Any]:
        return [entry for entry in filters if entry is not self._entry]

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._pattern.note = None
        self.rest()


def hiding_filter(text: str) -> tuple[Any, ...] | None:
    """The filter that hides a RuntimeWarning of this text now, or None where it would be shown."""
    for entry in _others():
        action, message, category, _module, lineno = entry
        if not issubclass(RuntimeWarning, category) or lineno:
            continue
        if message is None or (
            message == text if isinstance(message, str) else message.match(text) is not None
        ):
            return entry if action == "ignore" else None
    return None


def _others() -> Iterator[tuple[Any, ...]]:
    return (entry for entry in warning_contexts.filters() if not isinstance(entry[1], _Pattern))


def _mutated() -> None:
    mutated = getattr(warnings, "_filters_mutated", None)
    if mutated is not None:
        mutated()
