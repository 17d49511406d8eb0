"""What a run leaves behind: the same on one process as on two workers."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from anyrig import Finding, __version__
from inner import Suite
from mixed import FAILED, FOUND, IN_SETUP_OR_TEARDOWN, LATE, MIXED
from support import Ran, run_pytest


@dataclass(frozen=True)
class Mixed:
    """One run of the mixed suite, and the files that it wrote."""

    ran: Ran
    lines: list[dict[str, Any]]
    junit: ElementTree.Element
    findings: list[Finding] = field(init=False)

    def __post_init__(self) -> None:
        found = [Finding.from_json(line) for line in self.lines[1:]]
        object.__setattr__(self, "findings", found)


def _run(folder: Path, *arguments: str, plugins: tuple[str, ...] = ()) -> Mixed:
    (folder / "pytest.ini").write_text("[pytest]\nanyio_mode = auto\n")
    (folder / "test_mixed.py").write_text(MIXED.lstrip())
    files = ["--anyrig-report=findings.jsonl", "--junit-xml=junit.xml"]
    ran = run_pytest(folder, *files, *arguments, plugins=("anyio", "anyrig", *plugins))
    text = (folder / "findings.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    return Mixed(ran, lines, ElementTree.parse(folder / "junit.xml").getroot())


@pytest.fixture(scope="module", params=["one process", "two workers"])
def mixed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Mixed:
    """The mixed suite, run once in one process and once with two workers."""
    folder = tmp_path_factory.mktemp("mixed")
    if request.param == "one process":
        return _run(folder)
    return _run(folder, "-n", "2", plugins=("xdist",))


def _short(finding: Finding) -> tuple[str, str | None, str, int, str]:
    test = finding.place.test
    assert finding.origin is not None
    return (
        finding.place.phase.value,
        None if test is None else test.partition("::")[2],
        finding.origin.source.partition('save("')[2].partition('"')[0],
        finding.count,
        finding.policy.value if finding.permitted is None else "permitted",
    )


def test_report_holds_each_finding_once(mixed: Mixed) -> None:
    """The report has one line for each finding: its phase, its test, its line, its policy."""
    assert Counter(map(_short, mixed.findings)) == Counter(FOUND), mixed.ran.text


def test_report_says_what_the_run_was(mixed: Mixed) -> None:
    """The report's first line has the schema's version and the facts of the run."""
    header = mixed.lines[0]
    policies = dict.fromkeys(("missed_await", "never_ran", "wrong_backend"), "fail")
    assert header.pop("python").count(".") == 2
    assert header == {
        "schema": 1,
        "anyrig": __version__,
        "backends": ["asyncio", "trio"],
        "policies": policies,
        "window": "young generations",
    }


def test_report_has_every_field_of_the_schema(mixed: Mixed) -> None:
    """Each finding's line has the fields of the schema, and no other."""
    fields = {"kind", "place", "what", "summary", "origin", "details", "mend", "count"}
    fields |= {"policy", "permitted"}
    origin = {"path", "lineno", "function", "source", "chain", "inside", "exact"}
    for line in mixed.lines[1:]:
        assert set(line) == fields
        assert set(line["place"]) == {"test", "phase"}
        assert set(line["origin"]) == origin


def test_run_fails(mixed: Mixed) -> None:
    """Findings make the run's exit status that of a failed test."""
    assert mixed.ran.status == 1
    assert mixed.ran.counts == {"failed": 6, "passed": 5, "error": 4}


def test_short_summary_is_the_line_to_read(mixed: Mixed) -> None:
    """The short test summary has a line for each test with a failing finding, in our words."""
    lines = mixed.ran.text.partition("short test summary info")[2].splitlines()[1:-1]
    tests = Counter(line.split(" - ")[0].partition("test_mixed.py")[2][2:] for line in lines)
    expected = {*FAILED, "test_fails_too", *IN_SETUP_OR_TEARDOWN, "test_shelf", ""}
    assert tests == Counter(expected)
    assert sum("was never awaited" in line or "`save(" in line for line in lines) == 9
    assert "FAILED test_mixed.py::test_fails_too - assert 1 == 2" in lines


def test_section_counts_and_says_what_to_type_next(mixed: Mixed) -> None:
    """The section at the end has the counts, the warnings, the next command, the report's path."""
    section = re.split(r"\n=+ anyrig =+\n", mixed.ran.text)[1].partition("\n===")[0].splitlines()
    assert section[:3] == [
        "missed_await: 14 in 10 tests (fail, warn)",
        "permitted: 1 by an allowance",
        "warning: `save('warned')` was never awaited (test_mixed.py:43)",
    ]
    assert section[3].startswith("next: pytest ")
    assert section[4].startswith("all of it: ")
    assert section[4].endswith("findings.jsonl")
    assert len(section) == 5


def test_junit_has_a_property_for_each_finding(mixed: Mixed) -> None:
    """JUnit's file has each finding of a test as a property of that test, late ones too."""
    properties = Counter(
        (case.get("name"), entry.get("name"), re.search(r"save\('(\w+)", entry.get("value", "")))
        for case in mixed.junit.iter("testcase")
        for entry in case.iter("property")
    )
    named = Counter((name, kind, match and match[1]) for name, kind, match in properties)
    of_tests = [found for found in FOUND if found[1] is not None]
    assert named == Counter((test, "anyrig.missed_await", what) for _, test, what, _, _ in of_tests)


def test_junit_has_each_failure(mixed: Mixed) -> None:
    """JUnit's file has a failure or an error for each test that a finding fails, late ones too."""
    failed = {
        str(case.get("name"))
        for case in mixed.junit.iter("testcase")
        if case.find("failure") is not None or case.find("error") is not None
    }
    tests = {test for test in LATE if test is not None}
    assert failed - {"test_mixed"} == {*FAILED, "test_fails_too", *IN_SETUP_OR_TEARDOWN, *tests}
    assert "test_mixed" in failed


def test_own_failure_comes_first(mixed: Mixed) -> None:
    """A test that fails by itself keeps its failure; the finding is a section below it."""
    report = mixed.ran.text.partition("___ test_fails_too ___")[2].partition("\n====")[0]
    own, section, added = report.partition(" anyrig ---")
    assert "assert 1 == 2" in own
    assert section
    assert "`save('own')` was never awaited" in added


def test_findings_are_not_printed_twice(mixed: Mixed) -> None:
    """What anyrig tells is not in pytest's summary of warnings as well."""
    assert "warnings summary" not in mixed.ran.text
    assert "RuntimeWarning" not in mixed.ran.text


CRASHES = """
import os
import pytest

async def save(value): ...

KEPT = []

@pytest.fixture(scope="session")
def shelf():
    return []

def test_drops():
    save(1)

def test_shelves(shelf):
    shelf.append(save(2))

def test_after(shelf):
    pass

def test_crashes():
    os._exit(3)

def test_last():
    save(3)
"""


def test_worker_that_crashes(suite: Suite) -> None:
    """What was found before a worker crashed is kept, and so is what its successor finds."""
    suite.write("test_it.py", CRASHES)
    ran = suite.spawn("-n", "1", plugins=("anyio", "anyrig", "xdist"))
    assert ran.status == 1
    assert {("missed_await", "test_drops", "fail"), ("missed_await", "test_last", "fail")} <= set(
        suite.found
    ), ran.text
    assert "INTERNALERROR" not in ran.text


AT_IMPORT = """
import asyncio

async def save(value): ...

MADE = save(1)

def test_first(): ...

def test_awaits():
    asyncio.run(MADE)

def test_third(): ...

def test_fourth(): ...
"""


@pytest.mark.parametrize("workers", [0, 2])
def test_late_finding_alone_fails_the_run(suite: Suite, workers: int) -> None:
    """A run in which every test passed and something was found late ends with exit status 1."""
    suite.write("test_it.py", "async def save(): ...\nMADE = save()\ndef test_green(): ...\n")
    ran = suite.workers() if workers else suite.spawn()
    assert ran.status == 1, ran.text
    assert ran.counts == {"passed": 1, "error": 1}
    assert suite.found == [("missed_await", None, "fail")]


def test_made_at_import_and_awaited_by_a_test_of_one_worker(suite: Suite) -> None:
    """What one worker's test awaits is no finding of the other, which imported the module too."""
    suite.write("test_it.py", AT_IMPORT)
    ran = suite.workers()
    assert suite.found == [], ran.text
    assert ran.status == 0


def test_made_at_import_and_never_reached(suite: Suite) -> None:
    """A run that stops early says nothing of what a test that did not run might have awaited."""
    suite.write("test_it.py", f"def test_fails():\n    assert 0\n{AT_IMPORT}")
    ran = suite.spawn("-x")
    assert suite.found == [], ran.text
    assert ran.counts == {"failed": 1}


OPTIONS = ["--tb=line", "--tb=short", "--tb=native", "--tb=no", "-q", "-v", "-rA"]


@pytest.mark.parametrize("option", [*OPTIONS, "--color=yes", "--capture=no"])
def test_ways_to_show(suite: Suite, option: str) -> None:
    """Each way in which pytest shows failures shows ours, and none breaks."""
    suite.write("test_it.py", MIXED)
    ran = suite.run(option)
    assert ran.status == 1
    assert Counter(map(_short, suite.findings)) == Counter(FOUND)
    assert "INTERNALERROR" not in ran.text
    assert "missed_await: 14 in 10 tests (fail, warn)" in ran.text


def test_without_a_terminal(suite: Suite) -> None:
    """Without pytest's terminal reporter the run still fails, and the report is whole."""
    suite.write("test_it.py", MIXED)
    ran = suite.spawn("-p", "no:terminal", "-W", "error")
    assert ran.status == 1
    assert Counter(map(_short, suite.findings)) == Counter(FOUND)
    assert "Traceback" not in ran.text


@pytest.mark.parametrize(("option", "tests"), [("-x", 1), ("--maxfail=2", 2)])
def test_stops_at_a_finding(suite: Suite, option: str, tests: int) -> None:
    """A finding counts as a failure for ``-x`` and ``--maxfail``."""
    drops = "".join(f"def test_{number}():\n    save()\n" for number in range(4))
    suite.write("test_it.py", f"async def save(): ...\n{drops}")
    ran = suite.run(option)
    assert ran.counts == {"failed": tests}
    assert f"stopping after {tests} failure" in ran.text


def test_debugger(suite: Suite) -> None:
    """``--pdb`` stops at a finding as at any failure, and the run goes on."""
    suite.write(
        "quiet.py",
        """
        import pdb

        class Quiet(pdb.Pdb):
            def interaction(self, *args, **kwargs):
                print("in the debugger")
        """,
    )
    suite.write("test_it.py", MIXED)
    ran = suite.spawn("--pdb", "--pdbcls=quiet:Quiet")
    assert ran.status == 1, ran.text
    assert ran.text.count("in the debugger\n") >= len(FAILED)
    assert Counter(map(_short, suite.findings)) == Counter(FOUND)
    assert "INTERNALERROR" not in ran.text


def test_report_is_closed_when_the_run_ends_early(suite: Suite) -> None:
    """A run that ends before its summary closes the report: pytest would warn of an open file."""
    ran = suite.spawn("--markers", "-W", "error")
    assert ran.status == 0, ran.text
    assert "ResourceWarning" not in ran.text
