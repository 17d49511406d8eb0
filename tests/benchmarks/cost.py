"""What anyrig costs, in one run and as ratios: ``python tests/benchmarks/cost.py``.

Each row is measured in turn with what it is compared to (A B B A ...). The time is processor time
of user and system; a ratio is the median of the rounds' own ratios, with the least and the most.
``--suite 'pytest -q tests'`` measures a suite of yours in the current folder too, with anyrig and
without. Nothing is asserted: what is too much is for the reader to say.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from measuring import Command, Cost, alternate, cpu, ratios
from suites import ANYIO, ANYRIG, OTHERS, write_suite

_MOST = 1.05  # times anyio's own processor time


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. ``note`` stands where a row could not be measured as meant."""

    group: str
    name: str
    tests: int = 0
    cpu: float | None = None  # seconds
    peak: int | None = None  # bytes
    ratios: list[float] = field(default_factory=list)
    most: float | None = None
    growth: float | None = None  # bytes a test
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """The median of the rounds' ratios."""
        return statistics.median(self.ratios) if self.ratios else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print a row as soon as it is known."""
    options = _options(arguments)
    rows: list[Row] = []
    if not options.json:
        print(f"{'':<34}{'CPU s':>8}{'tests':>8}{'ms/test':>9}{'ratio':>7}  rounds", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for row in _rows(options, Path(folder)):
            if not options.json:
                print(_line(row, rows[-1].group if rows else ""), flush=True)
            rows.append(row)
    if options.json:
        print(json.dumps([{**asdict(row), "ratio": row.ratio} for row in rows], indent=2))
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parts = ("tests", "heap", "memory", "suite")
    parser.add_argument("--tests", type=int, default=1000, help="trivial tests (default: 1000)")
    parser.add_argument("--repeats", type=int, default=7, help="rounds that count (default: 7)")
    parser.add_argument("--warm-ups", type=int, default=1, help="rounds that don't (default: 1)")
    parser.add_argument(
        "--objects", type=int, default=2_000_000, help="more objects alive (default: 2000000)"
    )
    parser.add_argument(
        "--memory", type=int, nargs=2, default=(1000, 5000), metavar=("FEW", "MANY"),
        help="the numbers of tests between which memory is compared (default: 1000 5000)",
    )  # fmt: skip
    parser.add_argument(
        "--suite", action="append", default=[], metavar="COMMAND",
        help="a command that runs pytest, measured with and without anyrig; may be repeated",
    )  # fmt: skip
    parser.add_argument("--only", nargs="+", choices=parts, default=parts, help="these parts alone")
    parser.add_argument("--json", action="store_true", help="print JSON, with every round")
    return parser.parse_args(arguments)


def _rows(options: argparse.Namespace, folder: Path) -> Iterator[Row]:
    if "tests" in options.only:
        yield from _trivial(options, write_suite(folder / "tests", tests=options.tests), "")
        yield from _others(options, folder / "tests")
    if "heap" in options.only:
        heap = write_suite(folder / "heap", tests=options.tests, objects=options.objects)
        yield from _trivial(options, heap, f", {options.objects:,} more objects")
    if "memory" in options.only:
        yield from _memory(options, folder)
    if "suite" in options.only:
        for command in options.suite:
            yield from _suite(options, command)


# -- the parts -------------------------------------------------------------------------------------


def _trivial(options: argparse.Namespace, folder: Path, more: str) -> Iterator[Row]:
    group = f"{options.tests:,} tests x 2 backends{more}"
    base, ours = _alternate(options, ANYIO.command(folder), ANYRIG.command(folder))
    yield _row(group, ANYIO.name, base)
    yield replace(_row(group, ANYRIG.name, ours), ratios=ratios(ours, base), most=_MOST)


def _others(options: argparse.Namespace, folder: Path) -> Iterator[Row]:
    group = f"{options.tests:,} tests, one backend each"
    for runner in OTHERS:
        if runner.is_installed():
            (costs,) = _alternate(options, runner.command(folder))
            yield _row(group, runner.name, costs)
        else:
            yield Row(group, runner.name, note="not installed")


def _memory(options: argparse.Namespace, folder: Path) -> Iterator[Row]:
    few, many = options.memory
    group = f"peak memory, {few:,} and {many:,} tests"
    # two backends: half as many functions
    suites = [write_suite(folder / f"m{n}", tests=n // 2) for n in (few, many)]
    runners = (ANYIO, ANYRIG)
    commands = [runner.command(suite) for runner in runners for suite in suites]
    costs = _alternate(options, *commands)
    for runner, small, large in zip(runners, costs[::2], costs[1::2], strict=True):
        peaks = [statistics.median(cost.peak for cost in group) for group in (small, large)]
        between = large[0].tests - small[0].tests
        growth = (peaks[1] - peaks[0]) / between if between else None
        yield replace(_row(group, runner.name, large), peak=int(peaks[1]), growth=growth)


def _suite(options: argparse.Namespace, line: str) -> Iterator[Row]:
    arguments, here = tuple(shlex.split(line)), Path.cwd()
    added = os.environ.get("PYTEST_ADDOPTS", "")
    without = Command(arguments, here, {"PYTEST_ADDOPTS": f"{added} -p no:anyrig".strip()})
    base, ours = _alternate(options, without, Command(arguments, here, {}))
    yield _row(line, "-p no:anyrig", base)
    yield replace(_row(line, ANYRIG.name, ours), ratios=ratios(ours, base), most=_MOST)


def _alternate(options: argparse.Namespace, *commands: Command) -> list[list[Cost]]:
    return alternate(commands, repeats=options.repeats, warm_ups=options.warm_ups)


def _row(group: str, name: str, costs: Sequence[Cost]) -> Row:
    last = costs[-1]
    note = "" if last.status == 0 else f"exit status {last.status}: {last.summary}"
    return Row(group, name, tests=last.tests, cpu=cpu(costs), note=note)


# -- the table -------------------------------------------------------------------------------------


def _line(row: Row, last_group: str) -> str:
    heading = "" if row.group == last_group else f"{row.group}\n"
    if row.cpu is None:
        return f"{heading}  {row.name:<32}{row.note}"
    each = 1000 * row.cpu / row.tests if row.tests else 0.0
    ratio = "" if row.ratio is None else f"{row.ratio:.3f}"
    line = f"{heading}  {row.name:<32}{row.cpu:>8.2f}{row.tests:>8}{each:>9.3f}{ratio:>7}  "
    return f"{line}{_facts(row)}".rstrip()


def _facts(row: Row) -> str:
    facts = []
    if row.ratios:
        facts.append(f"{min(row.ratios):.3f} to {max(row.ratios):.3f}")
    if row.most is not None:
        facts.append(f"(at most {row.most})")
    if row.peak is not None:
        facts.append(f"{row.peak / 1e6:.1f} MB")
    if row.growth is not None:
        facts.append(f"{row.growth / 1e3:+.2f} kB/test")
    return " ".join([*facts, row.note])


if __name__ == "__main__":
    sys.exit(main())
