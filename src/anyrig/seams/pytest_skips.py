"""What pytest skips by itself in place of a test: an async one that nobody ran.

Problem: until pytest 8.3 a test whose function gives something that has to be awaited is skipped,
with a warning; from 8.4 on it fails. That skip is no wish of the suite's: the body never ran.
Approach: the last frames of that skip are ``pytest.skip`` and what called it, a function of
pytest's module ``_pytest.python``; every other skip is called by somebody else. Seen on pytest 8.0
to 8.3.
"""

from __future__ import annotations

import pytest

from ..own import traceback

_CALLER = "_pytest.python"


def gave_up(error: BaseException) -> bool:
    """Whether pytest has skipped this test by itself, for nobody awaits what its function gave."""
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    modules = [frame.f_globals.get("__name__") for frame in frames]
    return modules[-2:] == [_CALLER, pytest.skip.__module__]
