"""pytest-timeout's own timer and handler, by the module that they are of."""

from __future__ import annotations

import threading

import pytest

from anyrig.seams import pytest_timeout as seam
from anyrig.seams.cpython import stacks


def test_its_timer_and_its_handler_are_of_its_module() -> None:
    """What its thread calls, and what it sets for a signal, are functions of ``pytest_timeout``."""
    real = pytest.importorskip("pytest_timeout", reason="it is what is looked at")
    assert seam.is_handler(real.timeout_timer)
    assert not seam.is_handler(print)


@pytest.mark.parametrize("is_its", [True, False])
def test_a_timer_is_known_by_what_it_calls(is_its: bool) -> None:
    """A `threading.Timer` that waits has ``self`` in its ``run``; one of somebody else is none."""

    def ends() -> None:
        pass

    ends.__module__ = "pytest_timeout" if is_its else "suite"
    timer = threading.Timer(3600, ends)
    timer.start()
    try:
        found = False
        for _ in range(100_000):
            frame = stacks.frame_of(timer.ident or 0)
            if frame is not None and frame.f_code.co_name == "wait":
                found = seam.is_timer(frame)
                break
        assert found is is_its
    finally:
        timer.cancel()
        timer.join()
