"""Random programs: no run hangs, each error is shown once, and the next test always passes."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections import Counter

import pytest

from inner import Suite
from programs import CONFTEST, Program

BATCH = 25
BATCHES = 8
SEED = os.environ.get("ANYRIG_SEED", "2026")  # another one, other programs
BACKENDS = ["asyncio", "trio"]
if sys.version_info >= (3, 12):
    BACKENDS.append("asyncio+eager")
if importlib.util.find_spec("uvloop") is not None:
    BACKENDS.append("asyncio+uvloop")


@pytest.mark.parametrize("batch", range(BATCHES), ids=lambda batch: f"seed {SEED}, {batch}")
def test_random_programs(suite: Suite, batch: int) -> None:
    """Whatever crashes where, each error is in one report, and the test after it passes."""
    backend = BACKENDS[batch % len(BACKENDS)]
    suite.ini(f"anyrig_backends = {backend}")
    suite.write("conftest.py", CONFTEST)
    for number in range(BATCH):
        program = Program(f"{SEED} {batch} {number}")
        suite.write(f"test_{number}.py", program.text)
    done = suite.spawn("-p", "no:randomly")
    raised = (suite.path / "raised.txt").read_text().split()
    reports = suite.lines("shown.jsonl")
    shown = Counter(number for report in reports for number in report["shown"])
    # at the teardown of the last test, the fixtures of its module end as well
    assert not [one for one in reports if "next" in one["test"] and one["when"] != "teardown"]
    assert shown == Counter(raised)
    assert done.counts["passed"] >= BATCH
