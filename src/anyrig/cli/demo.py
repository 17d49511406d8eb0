"""``anyrig demo``: a suite that looks right, under plain pytest and under anyrig.

The suite is in ``demo_suite/``. Its files end in ``.in``, so that no tool takes them for code of
ours; `PLANTED` says what is wrong with it. What anyrig finds is read from ``--anyrig-report`` and
what passes from JUnit's XML, never from the text on the screen.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from xml.etree import ElementTree as ET

BACKENDS = ("asyncio", "trio")
_SHOWN = "test_prices.py::test_a_price_is_set"
_AT_MOST = 300.0  # seconds for one run of pytest, which takes two or three


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: what kind it is, in which test, and the line of source that is at fault."""

    kind: str
    test: str
    source: str


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of pytest did: the test ids by how they ended, the faults found, the text."""

    passed: frozenset[str]
    failed: frozenset[str]
    found: frozenset[Fault]
    text: str


# fault -> why the test is green all the same
PLANTED: dict[Fault, str] = {
    Fault(
        "missed_await",
        "test_store.py::test_what_was_added_is_there",
        'assert store.has("lamp")',
    ): "No await. A coroutine is always true: it can't fail.",
    Fault(
        "missed_await",
        "test_store.py::test_removing_twice_does_no_harm",
        'store.remove("lamp")',
    ): "No await. The second removal is never made.",
    Fault(
        "missed_await",
        "test_store.py::test_unknown_things_are_not_there",
        "store.add(name, 5)",
    ): "A sync fixture can't await. The full store is empty.",
    Fault(
        "missed_await",
        "test_store.py::test_stores_share_nothing",
        "store.close()",
    ): "The fixture's teardown has no await. The store stays open.",
    Fault(
        "missed_await",
        "test_prices.py::test_a_price_is_set",
        "self._on_change(name)",
    ): "The code under test has no await, and the mock is content.",
    Fault(
        "missed_await",
        "test_prices.py::test_ping_asks_the_service",
        "response.raise_for_status()",
    ): "The real one is sync. The mock's makes a coroutine.",
    Fault(
        "missed_await",
        "test_jobs.py::test_a_job_is_put_off",
        'jobs.put_off(store.add("lamp", 1))',
    ): "A list keeps the coroutine, so Python never warns of it.",
    Fault(
        "never_ran",
        "test_jobs.py::test_a_job_that_fails_is_not_lost",
        "async def test_a_job_that_fails_is_not_lost():",
    ): "The decorator awaits nothing. The test would fail if it ran.",
    Fault(
        "missed_await",
        "test_command.py::test_add_opens_the_store_and_adds",
        "asyncio.run(add(store, name, int(pieces)))",
    ): "asyncio.run is patched. What it was to run is dropped.",
    Fault(
        "never_ran",
        "test_command.py::TestAdd::test_the_store_is_closed_afterwards",
        "async def test_the_store_is_closed_afterwards(self):",
    ): "A plain unittest.TestCase does not await its tests.",
    Fault(
        "leaked_asyncgen",
        "test_orders.py::test_the_oldest_order_comes_first",
        "async for name, pieces in orders.read():",
    ): "The generator is left in the middle: its end comes late.",
    Fault(
        "lost_exception",
        "test_orders.py::test_booking_makes_nobody_wait",
        'self._booked.append((order["name"], int(order["pieces"])))',
    ): "A thread's exception reaches nobody. Nothing is booked.",
}


def main(keep: Path | None) -> int:
    """Show it all; returns 0 where plain pytest was green and anyrig found just what is planted."""
    if keep is not None and keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
        print(f"anyrig demo: {keep} is in use; give --keep a new folder", file=sys.stderr)
        return 2
    place: AbstractContextManager[str] = (
        tempfile.TemporaryDirectory(prefix="anyrig-demo-")
        if keep is None
        else nullcontext(str(keep))
    )
    with place as name:
        folder = Path(name)
        write_suite(folder)
        return _show(folder, keep)


def write_suite(folder: Path) -> None:
    """Write the suite's files to a folder, which is made where it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    for entry in files("anyrig.cli").joinpath("demo_suite").iterdir():
        if entry.name.endswith(".in"):
            text = entry.read_text(encoding="utf-8")
            (folder / entry.name.removesuffix(".in")).write_text(text, encoding="utf-8")


def run_pytest(folder: Path, *arguments: str, with_anyrig: bool = True) -> Run:
    """Run pytest on the suite, with anyio's plugin and with or without anyrig, and no other one."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PYTEST_") and name not in ("COLUMNS", "PYTHONWARNINGS")
    }
    environment |= {
        "COLUMNS": "80",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONIOENCODING": "utf-8",
    }
    with tempfile.TemporaryDirectory(prefix="anyrig-demo-") as name:
        junit, report = Path(name, "junit.xml"), Path(name, "report.jsonl")
        command = [sys.executable, "-m", "pytest", "-p", "anyio", "-p", "no:cacheprovider"]
        command += ["-p", "anyrig"] if with_anyrig else ["-p", "no:anyrig"]
        if with_anyrig:
            command += ["--anyrig-report", str(report)]
        done = subprocess.run(
            [*command, "--junit-xml", str(junit), *arguments],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=_AT_MOST,
            check=False,
        )
        passed, failed = _read_outcomes(junit)
        return Run(passed, failed, _read_report(report), _without_our_own(done.stdout, name))


def is_as_planted(plain: Run, watched: Iterable[Run]) -> bool:
    """Whether plain pytest was green, and anyrig found every planted fault and nothing else."""
    at_fault = {fault.test for fault in PLANTED}
    tests = set(map(_bare, plain.passed))
    return (
        bool(tests)
        and not plain.failed
        and all(
            run.found == PLANTED.keys()
            and set(map(_bare, run.failed)) == at_fault
            and set(map(_bare, run.passed)) == tests - at_fault
            for run in watched
        )
    )


# -- what is read ----------------------------------------------------------------------------------


def _read_outcomes(junit: Path) -> tuple[frozenset[str], frozenset[str]]:
    """The ids of the tests that passed and of those that did not."""
    ended: dict[str, bool] = {}
    for case in ET.parse(junit).iter("testcase") if junit.exists() else ():
        module, *classes = case.get("classname", "").split(".")
        test = "::".join([f"{module}.py", *classes, case.get("name", "")])
        # a test whose teardown fails after its call has two entries
        ended[test] = ended.get(test, True) and len(case.findall("failure")) == 0 == len(
            case.findall("error")
        )
    return (
        frozenset(test for test, is_green in ended.items() if is_green),
        frozenset(test for test, is_green in ended.items() if not is_green),
    )


def _read_report(report: Path) -> frozenset[Fault]:
    if not report.exists():
        return frozenset()
    _about_the_run, *findings = map(json.loads, report.read_text(encoding="utf-8").splitlines())
    return frozenset(
        Fault(
            finding["kind"],
            _bare(finding["place"]["test"] or "no test"),
            (finding["origin"] or {}).get("source", ""),
        )
        for finding in findings
    )


def _bare(test: str) -> str:
    """The test's id without the name of its backend."""
    return test.partition("[")[0]


def _without_our_own(text: str, scratch: str) -> str:
    """The text of pytest without the lines about the two files that the demo asked for."""
    return "\n".join(line for line in text.splitlines() if scratch not in line) + "\n"


# -- what is shown ---------------------------------------------------------------------------------


def _show(folder: Path, keep: Path | None) -> int:
    _say(f"A small suite of async code is in {folder}", "It looks right, and it is not.", "")

    _say("1. Under plain pytest", "", "    $ pytest -p no:anyrig")
    plain = run_pytest(folder, with_anyrig=False)
    _say(f"    {_last_line(plain)}", "")
    if plain.failed or not plain.passed:
        _say(plain.text, "This should be green, and is not. Please report it.")
        return 1
    _say("Green. Python warned of some of it, after the fact, and nothing fails.", "")

    _say("2. With anyrig, on each backend", "")
    watched: dict[str, Run] = {}
    for backend in BACKENDS:
        _say(f"    $ pytest --anyrig-backend {backend}")
        watched[backend] = run_pytest(folder, "--anyrig-backend", backend)
        _say(f"    {_last_line(watched[backend])}", "")
    _say("The faults that were planted, and who found them:", "", *_table(watched), "")

    _say("3. One of the reports", "", f"$ pytest -q {_SHOWN} --anyrig-backend trio")
    _say(run_pytest(folder, "-q", _SHOWN, "--anyrig-backend", "trio").text)

    _say("What this showed", "", *_counts(plain, watched), "")
    if not is_as_planted(plain, watched.values()):
        _say(*(run.text for run in watched.values()))
        _say("This is not what the demo is to show. Please report it, with the text above.")
        return 1
    if keep is None:
        _say("To read the suite, mend it and run it again:", "")
        _say("    $ anyrig demo --keep shop && cd shop && pytest")
    else:
        _say(f"Read the suite in {folder}, mend it, and run it again with pytest.")
    return 0


def _table(watched: dict[str, Run]) -> list[str]:
    """The planted faults, each with a cell for each backend before it."""
    indent = "  " + " " * sum(map(len, map(_cell, watched)))
    lines = ["  " + "".join(map(_cell, watched)).rstrip()]
    for fault, why in PLANTED.items():
        cells = (_cell("found" if fault in run.found else "MISSED") for run in watched.values())
        lines.append(f"  {''.join(cells)}{fault.test}")
        lines += [f"{indent}>   {fault.source}", f"{indent}{why}"]
    return lines


def _cell(word: str) -> str:
    return f"{word:<8}"


def _counts(plain: Run, watched: dict[str, Run]) -> list[str]:
    tests = len(set(map(_bare, plain.passed)))
    others = sum(len(run.found - PLANTED.keys()) for run in watched.values())
    return [
        f"  {tests:3} tests, all green under plain pytest",
        f"  {len(PLANTED):3} of them hold a planted fault",
        *(
            f"  {len(run.found & PLANTED.keys()):3} of {len(PLANTED)} found by anyrig on {backend}"
            for backend, run in watched.items()
        ),
        f"  {others:3} false alarms",
    ]


def _last_line(run: Run) -> str:
    """What pytest says at its end of how the tests ended."""
    return run.text.rstrip().rpartition("\n")[2].strip("= ")


def _say(*lines: str) -> None:
    print(*lines, sep="\n", flush=True)
