"""Random programs: no run hangs, each error is shown once, and the next test always passes."""

from __future__ import annotations

import os
from collections import Counter

import pytest

from inner import BACKENDS, Suite
from programs import CONFTEST, Program

BATCH = 25
BATCHES = 8
SEED = os.environ.get("ANYRIG_SEED", "2026")  # another one, other programs


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
