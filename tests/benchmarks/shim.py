"""A suite for pytest-asyncio under it and under the shim: ``python tests/benchmarks/shim.py``.

The suite is many trivial async tests, in auto mode, or a public one that was fetched by
``tests/real_suites_shim.py --folder DIR NAME``: ``--real DIR/NAME``. The two run in turn, in an
order that is swapped after each round; the time is processor time of user and system. The ratio is
the median of the rounds' own, with the least and the most. anyrig watches with every check that is
on by default. Nothing is asserted: what is too much is for the reader to say.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from measuring import Command, Cost, alternate, cpu, ratios
from suites import PYTEST_ASYNCIO, SHIM, write_suite

_MOST = 1.05  # times pytest-asyncio's own processor time


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print a suite's line as soon as it is known."""
    options = _options(arguments)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, commands in _suites(options, Path(folder)):
            costs = alternate(commands, repeats=options.repeats, warm_ups=options.warm_ups)
            rows.append(_row(name, *costs))
            if not options.json:
                print(_line(rows[-1]), flush=True)
    if options.json:
        print(json.dumps(rows, indent=2))
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tests", type=int, default=1000, help="trivial tests (default: 1000)")
    parser.add_argument("--repeats", type=int, default=8, help="rounds that count (default: 8)")
    parser.add_argument("--warm-ups", type=int, default=1, help="rounds that don't (default: 1)")
    parser.add_argument(
        "--real", action="append", default=[], type=Path, metavar="DIR/NAME",
        help="a public suite where tests/real_suites_shim.py has put it; may be repeated",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON, with every round")
    return parser.parse_args(arguments)


def _suites(
    options: argparse.Namespace, folder: Path
) -> Iterator[tuple[str, tuple[Command, Command]]]:
    """Each suite's name, and what runs it under pytest-asyncio and under the shim."""
    if options.tests:
        trivial = write_suite(folder / "trivial", tests=options.tests)
        commands = PYTEST_ASYNCIO.command(trivial), SHIM.command(trivial)
        yield f"{options.tests:,} trivial tests", commands
    for place in options.real:
        yield place.name, _real(place)


def _real(folder: Path) -> tuple[Command, Command]:
    sys.path.append(str(Path(__file__).parent.parent))
    from real_suites_shim import BASE, SUITES, Place
    from real_suites_shim import SHIM as REAL_SHIM

    place = Place(folder.resolve(), SUITES[folder.name])
    base, shim = (
        Command(tuple(place.command(name, "-q")), place.source, {"PYTHONPATH": "."})
        for name in (BASE, REAL_SHIM)
    )
    return base, shim


def _row(name: str, base: Sequence[Cost], shim: Sequence[Cost]) -> dict[str, Any]:
    rounds = ratios(shim, base)
    return {
        "suite": name,
        "pytest-asyncio": cpu(base),  # seconds
        "shim": cpu(shim),
        "ratio": statistics.median(rounds),
        "rounds": rounds,
        "ends": [base[-1].summary, shim[-1].summary],
    }


def _line(row: dict[str, Any]) -> str:
    least, most = min(row["rounds"]), max(row["rounds"])
    ends = "".join(f"\n  {end}" for end in row["ends"])
    return (
        f"{row['suite']}: {row['pytest-asyncio']:.2f} s under pytest-asyncio, {row['shim']:.2f} s "
        f"under the shim: {row['ratio']:.3f} ({least:.3f} to {most:.3f}; at most {_MOST}){ends}"
    )


if __name__ == "__main__":
    sys.exit(main())
