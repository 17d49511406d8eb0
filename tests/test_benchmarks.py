"""The benchmarks run, and print every row. What they measure is nobody's assertion."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from support import run

pytestmark = pytest.mark.once

CLOCK = Path(__file__).parent / "benchmarks" / "clock.py"
COST = Path(__file__).parent / "benchmarks" / "cost.py"
TINY = ["--tests", "4", "--repeats", "1", "--warm-ups", "0", "--objects", "100", "--memory"]
TINY += ["4", "8"]
PAIR = ["anyio alone", "anyrig"]


@pytest.fixture
def suite(tmp_path: Path) -> str:
    """A command that runs a suite of one test."""
    (tmp_path / "test_sample.py").write_text("def test_sample():\n    pass\n")
    return shlex.join([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"])


def test_every_part_has_its_rows(suite: str, tmp_path: Path) -> None:
    """One run measures all parts, and names what it measured."""
    ran = run([sys.executable, str(COST), *TINY, "--json", "--suite", suite], tmp_path)
    assert ran.status == 0, ran.text
    rows: list[dict[str, Any]] = json.loads(ran.text)
    groups: dict[str, list[str]] = {}
    for row in rows:
        groups.setdefault(row["group"], []).append(row["name"])
    assert groups == {
        "4 tests x 2 backends": PAIR,
        "4 tests, one backend each": ["pytest-asyncio", "pytest-trio"],
        "4 tests x 2 backends, 100 more objects": PAIR,
        "peak memory, 4 and 8 tests": PAIR,
        suite: ["-p no:anyrig", "anyrig"],
    }
    assert {row["note"] for row in rows} <= {"", "not installed"}
    counts = [row["tests"] for row in rows if row["note"] != "not installed"]
    assert counts in ([8, 8, 4, 4, 8, 8, 8, 8, 1, 1], [8, 8, 8, 8, 8, 8, 1, 1])


def test_table_has_a_line_for_each_row(tmp_path: Path) -> None:
    """Without ``--json`` each row is a line under its group's heading."""
    ran = run([sys.executable, str(COST), *TINY, "--only", "tests"], tmp_path)
    assert ran.status == 0, ran.text
    lines = [line[:34].strip() for line in ran.text.splitlines()]
    assert lines == [
        "",
        "4 tests x 2 backends",
        *PAIR,
        "4 tests, one backend each",
        "pytest-asyncio",
        "pytest-trio",
    ]


def test_each_clock_that_is_installed_does_its_work(tmp_path: Path) -> None:
    """Ours on both libraries, and trio's own, at least."""
    ran = run([sys.executable, str(CLOCK), "--repeats", "1", "--sleeps", "3", "--json"], tmp_path)
    assert ran.status == 0, ran.text
    times: dict[str, list[float]] = json.loads(ran.text)
    theirs = {"MockClock, watched", "MockClock, by itself"}
    assert {"anyrig, asyncio", "anyrig, trio", *theirs} <= set(times)
    assert {len(rounds) for rounds in times.values()} == {1}
