"""Random programs across the bridge: nothing is lost, nothing hangs, and the model is right."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from support import run

SCRIPT = Path(__file__).parent / "crossing_programs.py"
SEED = int(os.environ.get("ANYRIG_SEED", "2026"))


@pytest.mark.parametrize("seed", [SEED, SEED + 1])
def test_random_programs(seed: int) -> None:
    """300 programs of cancellations, errors and crossings do what the model says; see the seed."""
    ran = run([sys.executable, str(SCRIPT), str(seed), "300"], SCRIPT.parent)
    assert ran.status == 0, ran.text
    assert f"seed {seed}: 300 programs" in ran.text
