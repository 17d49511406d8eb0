"""A latch is set and waited for by two threads, and no handler of a signal leaves it held."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from anyrig.latches import End, Latch

LONG = 60.0


def cut_off_at(number: int, call: Callable[[], object]) -> bool:
    """Cut a call off at its so-manieth instruction, as Ctrl-C may; whether it has so many."""
    left = number

    def step(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal left
        frame.f_trace_opcodes = True
        left -= event != "return"  # Python 3.12 tells lines alone at first
        if not left:
            raise KeyboardInterrupt
        return step

    before = sys.gettrace()
    sys.settrace(step)
    try:
        call()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


def test_latch_lets_one_wait_pass() -> None:
    """However often it was set, before or while somebody waits, in any thread."""
    latch = Latch()
    assert not latch.wait(0)
    latch.set()
    latch.set()
    assert latch.wait(0)
    assert not latch.wait(0)
    threading.Thread(target=latch.set).start()
    assert latch.wait(LONG)


def test_setting_that_is_cut_off_holds_nobody_up() -> None:
    """Wherever a handler raises, the next who sets it gets through, and so does who waits."""
    number, goes_on = 0, True
    while goes_on:
        latch, number = Latch(), number + 1
        goes_on = cut_off_at(number, latch.set)
        latch.set()
        assert latch.wait(LONG)
    assert number > 2


def test_wait_for_an_end_that_is_cut_off_may_be_had_again() -> None:
    """Also where the handler raises once what was waited for is had."""
    number, goes_on = 0, True
    while goes_on:
        end, number = End(), number + 1
        end.set()
        goes_on = cut_off_at(number, end.join)
        end.join()
    assert number > 2
