"""Random interleavings of cancel, raise and complete across the bridge: nothing lost or hung."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from support import run

BATCH = 100  # programs of one process
SCRIPT = Path(__file__).with_name("bridge_programs.py")


@pytest.mark.parametrize("first", range(0, 5 * BATCH, BATCH))
def test_nothing_is_lost_and_nothing_hangs(tmp_path: Path, first: int) -> None:
    """Each error arrives once, each function that began has ended, and no task is forgotten."""
    ran = run([sys.executable, str(SCRIPT), str(first), str(first + BATCH)], tmp_path)
    seeds = [f"seed {seed}" for seed in range(first, first + BATCH)]
    assert ran.text.splitlines() == [*seeds, "done"]
    assert ran.status == 0
