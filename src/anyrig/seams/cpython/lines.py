"""The line of an instruction that has none.

Problem: CPython 3.11 gives some jumps no line: the one that ends a loop's body after an ``except``
or an ``if``. Nothing but a signal is raised there (a time limit, Ctrl-C), and ``tb_lineno`` and
``f_lineno`` are None then, which they never are by their documentation: pytest ends such a run with
an internal error. Approach: the instruction before it, in the order of the code, that has a line; a
traceback is made anew, for its parts are read-only. Seen on CPython 3.11; 3.12 to 3.15 give each
jump a line, and nothing is changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import CodeType, TracebackType


def near(code: CodeType, offset: int) -> int:
    """The line of the last instruction up to this offset (bytes) that has one."""
    found = code.co_firstlineno
    for start, _, line in code.co_lines():
        if start > offset:
            break
        found = found if line is None else line
    return found


def mended(error: BaseException) -> BaseException:
    """The same error, after its tracebacks and those of what is behind and in it have lines."""
    seen: set[int] = set()
    left: list[BaseException | None] = [error]
    while left:
        one = left.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        parts = list(_parts(one.__traceback__))
        if any(_line_of(part) is None for part in parts):
            one.__traceback__ = _with_lines(parts)
        left += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            left += one.exceptions
    return error


def _parts(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def _line_of(part: TracebackType) -> int | None:
    return part.tb_lineno


def _with_lines(parts: Sequence[TracebackType]) -> TracebackType | None:
    """A traceback of the same frames, each at a line."""
    last: TracebackType | None = None
    for part in reversed(parts):
        line = _line_of(part)
        line = near(part.tb_frame.f_code, part.tb_lasti) if line is None else line
        last = TracebackType(last, part.tb_frame, part.tb_lasti, line)
    return last
