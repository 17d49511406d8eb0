"""The jumps of CPython 3.11 that have no line, and what is raised at one."""

from __future__ import annotations

import dis
import sys
import traceback
from types import FrameType, TracebackType
from typing import Any

import pytest

from anyrig.origins import raw_frames
from anyrig.seams.cpython import lines as seam


def spins(names: dict[str, int]) -> None:
    """Twice; the last thing in the loop's body is an if that ends in a try."""
    for name in ("one", "two"):
        if name in names:
            try:
                number = names[name]
            except KeyError:
                number = 1
            names[name] = number


LAST = spins.__code__.co_firstlineno + 8  # the line that stands before the jump


def jumps() -> list[tuple[int, int | None]]:
    """The offset and the line of each jump to the loop's begin."""
    return [
        (one.offset, one.positions.lineno if one.positions else None)
        for one in dis.get_instructions(spins)
        if one.opname.startswith("JUMP_BACKWARD")
    ]


def raised_at(offset: int) -> KeyboardInterrupt:
    """An interrupt that comes at this instruction."""

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code is not spins.__code__:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode" and frame.f_lasti == offset:
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        spins({"one": 1, "two": 2})
    except KeyboardInterrupt as error:
        return error
    finally:
        sys.settrace(before)
    raise AssertionError("it ended")


def parts(tb: TracebackType | None) -> list[TracebackType]:
    """All of a traceback."""
    found = []
    while tb is not None:
        found.append(tb)
        tb = tb.tb_next
    return found


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="3.11 has jumps without a line")
def test_a_jump_without_a_line_gets_that_of_the_line_before() -> None:
    """In the error, in its cause, in a group; its frames stay."""
    (offset,) = (offset for offset, line in jumps() if line is None)
    error = raised_at(offset)
    last: Any = parts(error.__traceback__)[1]
    assert last.tb_lineno is None
    assert raw_frames([(last.tb_frame, None)]) == [(__file__, LAST, "spins")]
    group = BaseExceptionGroup("many", [ValueError(), error])
    outer = RuntimeError()
    outer.__cause__ = group
    assert seam.mended(outer) is outer
    mended = parts(error.__traceback__)
    assert mended[1].tb_lineno == LAST
    assert mended[1].tb_frame is last.tb_frame
    assert "spins" in "".join(traceback.format_exception(error))


@pytest.mark.skipif(sys.version_info < (3, 12), reason="3.11 has jumps without a line")
def test_each_jump_has_a_line() -> None:
    """From 3.12 on nothing has to be changed, and nothing is."""
    assert jumps()
    assert None not in [line for _, line in jumps()]


def test_a_traceback_with_lines_is_left_as_it_is() -> None:
    """It is the same object."""
    try:
        raise ValueError
    except ValueError as raised:
        error, before = raised, raised.__traceback__
    assert seam.mended(error).__traceback__ is before


def test_what_has_no_line_before_it_is_at_the_first() -> None:
    """A frame that has not begun, or is of compiled code."""
    assert seam.near(spins.__code__, -1) == spins.__code__.co_firstlineno


def test_circles_end() -> None:
    """An error that is its own context's cause."""
    one, two = ValueError(), ValueError()
    one.__cause__, two.__context__ = two, one
    assert seam.mended(one) is one
