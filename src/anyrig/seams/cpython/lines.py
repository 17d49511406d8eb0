"""The line of an instruction that has none.

Problem: CPython 3.11 gives some jumps no line: the one that ends a loop's body after an ``except``
or an ``if``. Nothing but a signal is raised there (a time limit, Ctrl-C), and ``tb_lineno`` and
``f_lineno`` are None then, which they never are by their documentation: pytest ends such a run with
an internal error. Approach: the instruction before it, in the order of the code, that has a line; a
traceback is made anew, for its parts are read-only. Seen on CPython 3.11; 3.12 to 3.15 give each
jump a line, and nothing is changed.
"""

from __future__ import annotations

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
        if _has_gap(one.__traceback__):
            one.__traceback__ = with_lines(one.__traceback__)
        left += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            left += one.exceptions
    return error


def with_lines(traceback: TracebackType | None) -> TracebackType | None:
    """A traceback with the same frames, each at a line."""
    parts = []
    while traceback is not None:
        parts.append(traceback)
        traceback = traceback.tb_next
    last: TracebackType | None = None
    for part in reversed(parts):
        line: int | None = part.tb_lineno
        if line is None:
            line = near(part.tb_frame.f_code, part.tb_lasti)
        last = TracebackType(last, part.tb_frame, part.tb_lasti, line)
    return last


def _has_gap(traceback: TracebackType | None) -> bool:
    while traceback is not None:
        line: int | None = traceback.tb_lineno
        if line is None:
            return True
        traceback = traceback.tb_next
    return False
