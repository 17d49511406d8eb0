"""What a run leaves behind: the same on one process as on two workers."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from anyrig import Finding, Kind, __version__
from inner import Suite
from mixed import FAILED, FOUND, IN_SETUP_OR_TEARDOWN, LATE, MIXED, short
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


def test_report_holds_each_finding_once(mixed: Mixed) -> None:
    """The report has one line for each finding: its phase, its test, its line, its policy."""
    assert Counter(map(short, mixed.findings)) == Counter(FOUND), mixed.ran.text


def test_report_says_what_the_run_was(mixed: Mixed) -> None:
    """The report's first line has the schema's version and the facts of the run."""
    header = mixed.lines[0]
    warned = ("leaked_thread", "blocked_loop", "leaked_contextvar")
    policies = {kind.value: "warn" if kind.value in warned else "fail" for kind in Kind}
    policies["unused_stub"] = "off"
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
    fields |= {"policy", "permitted", "picture", "trace", "others", "edits"}
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
    assert section[3] == "  in test_mixed.py::test_warned"
    assert section[4].startswith("next: pytest ")
    assert section[5].startswith("all of it: ")
    assert section[5].endswith("findings.jsonl")
    assert len(section) == 6


def test_junit_has_a_property_for_each_finding(mixed: Mixed) -> None:
    """JUnit's file has each finding of a test as a property of that test, late ones too."""
    properties = Counter(
        (case.get("name"), entry.get("name"), re.search(r"save\('(\w+)", entry.get("value", "")))
        for case in mixed.junit.iter("testcase")
        for entry in case.iter("property")
    )
    named = Counter((name, kind, match and match[1]) for name, kind, match in properties)
    # what was made while a module was collected stands at the module
    expected = [(test or "test_mixed", "anyrig.missed_await", what) for _, test, what, *_ in FOUND]
    assert named == Counter(expected)


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


RERUNS = """
import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    from _pytest.runner import runtestprotocol

    for times_left in (1, 0):
        item._initrequest()
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        for report in reports:
            if report.failed and times_left:
                report.outcome = "rerun"
            item.ihook.pytest_runtest_logreport(report=report)
            if report.outcome == "rerun":
                break
        else:
            return True
"""
SPARED = """
import pytest

async def save(): ...

TIMES = []

def test_second_try():
    TIMES.append(1)
    if len(TIMES) == 1:
        save()

@pytest.mark.xfail
def test_expected():
    save()

def test_bad():
    save()
"""


def test_what_fails_nothing_is_not_counted_as_a_failure(suite: Suite) -> None:
    """What a second try has mended, or what is expected to fail, is no failure, and not next."""
    suite.write("conftest.py", RERUNS)
    suite.write("test_it.py", SPARED)
    ran = suite.spawn()
    assert ran.status == 1, ran.text
    assert "rerun: 2 in a test that was run again" in ran.text
    assert "xfail: 1 in a test that is expected to fail" in ran.text
    assert "missed_await: 1 in 1 test (fail)" in ran.text
    assert "next: pytest test_it.py::test_bad\n" in ran.text
    assert [(one.place.test, one.permitted) for one in suite.findings] == [
        ("test_it.py::test_second_try", "rerun"),
        ("test_it.py::test_expected", "xfail"),
        ("test_it.py::test_bad", "rerun"),
        ("test_it.py::test_bad", None),
    ]


REPEATED = """
import threading, pytest

OVER = threading.Event()

def leave(name):
    threading.Thread(target=OVER.wait, name=name, daemon=True).start()

@pytest.mark.parametrize("number", range(3))
def test_it(number):
    leave("poller")

def test_other():
    leave("other")
"""


def test_a_warning_of_several_tests_is_told_once(suite: Suite) -> None:
    """The same line in three tests is one warning that counts them."""
    suite.write("test_it.py", REPEATED)
    text = suite.spawn().text
    told = text.partition("leaked_thread: 4 in 4 tests (warn)")[2].splitlines()
    assert told[1:7] == [
        "warning: the thread `poller` is still alive, 3 times (test_it.py:6)",
        "  in test_it.py::test_it[0]",
        "  in test_it.py::test_it[1]",
        "  in test_it.py::test_it[2]",
        "warning: the thread `other` is still alive (test_it.py:6)",
        "  in test_it.py::test_other",
    ]
    assert "leaked_thread: 4 in 4 tests (warn)" in text


PARAMETERS = """
import pytest

async def save(): ...

TIMES = []

def calls():
    save()

@pytest.mark.parametrize("number", range(4))
def test_it(number):
    calls()

def test_second_try():
    TIMES.append(1)
    if len(TIMES) == 1:
        calls()
"""
_TOLD = re.compile(r"more:   see (.*)")


def _sections(text: str) -> dict[str, str]:
    """The name in each heading of the failures, and the text below it."""
    parts = re.split(r"\n_+ (\S.*) _+\n", text.partition("= short test summary")[0])
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("workers", [False, True])
def test_what_another_test_tells_in_full_is_told_in_short(suite: Suite, workers: bool) -> None:
    """One line of the suite that fails several tests is explained once, and each says where."""
    suite.write("test_it.py", PARAMETERS)
    sections = _sections((suite.workers if workers else suite.spawn)().text)
    full = [name for name, text in sections.items() if "allow:" in text]
    short = {name: _TOLD.findall(text) for name, text in sections.items() if name not in full}
    assert len(sections) == 5
    assert len(full) == 1
    assert short == {name: [f"test_it.py::{full[0]}"] for name in sections if name not in full}
    assert all(">   save()\n" in text and "mend:   " in text for text in sections.values())


def test_what_nobody_sees_stands_in_for_nothing(suite: Suite) -> None:
    """A test that was run again and is green then shows nothing: the next one tells all of it."""
    suite.write("conftest.py", RERUNS)
    suite.write(
        "test_it.py", PARAMETERS.replace("test_second_try", "test_a").replace("range(4)", "[1]")
    )
    text = suite.spawn("test_it.py::test_a", "test_it.py::test_it").text
    sections = _sections(text)
    assert list(sections) == ["test_it[1]"], text
    assert "allow:" in sections["test_it[1]"]


HOSTILE = """
import asyncio, contextvars, threading
from unittest.mock import AsyncMock
import pytest

EVIL = "\\x1b[2J\\x1b[31mEVIL\\n::error::injected\\x07\\x00\\u202e\\udce9"
VARIABLE = contextvars.ContextVar(EVIL)
KEPT = []

async def save(value=None): ...

@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"

@pytest.fixture(scope="module")
async def wide(anyio_backend):
    yield

class Odd:
    def __repr__(self):
        raise SystemExit(EVIL)

class Evil(Exception):
    def __str__(self):
        return EVIL * 100_000

async def test_task(wide):
    async def waits():
        await asyncio.Event().wait()
    KEPT.append(asyncio.create_task(waits(), name=EVIL * 1000))
    await asyncio.sleep(0)

def test_thread():
    def lose():
        raise Evil()
    thread = threading.Thread(target=lose, name=EVIL * 1000)
    thread.start()
    thread.join()

def test_left():
    threading.Thread(target=threading.Event().wait, name=EVIL, daemon=True).start()

async def test_variable(wide):
    VARIABLE.set(Odd())

def test_mock():
    AsyncMock(name=EVIL)(EVIL, Odd())

def test_name():
    save.__qualname__ = EVIL
    save()

def test_group():
    def lose():
        raise ExceptionGroup(EVIL, [ValueError(EVIL + str(n)) for n in range(5000)])
    thread = threading.Thread(target=lose)
    thread.start()
    thread.join()

def test_line():
    save({long})

def test_deep():
    save({deep})
"""


@pytest.mark.parametrize("workers", [False, True])
def test_hostile_names(suite: Suite, workers: bool) -> None:
    """No name or text of a suite's clears the screen, gives an order or buries the report."""
    # before 3.13 Python itself compiles no tree that is deeper than sys.getrecursionlimit()
    deep = "+".join("1" * (2500 if sys.version_info >= (3, 13) else 800))
    source = HOSTILE.replace("{long}", repr("x" * 300_000)).replace("{deep}", deep)
    suite.write("test_it.py", source)
    run = suite.workers if workers else suite.spawn
    # all in one worker, or the wide fixture may end with the test that leaves a variable changed
    together = ["--dist=loadfile"] if workers else []
    ran = run("--junit-xml=junit.xml", "--anyrig-leaked-contextvars=fail", "-rA", *together)
    assert len(ran.text) < 200_000
    ours = [line for line in ran.text.split("\n") if "Evil" not in line]
    assert not [line for line in ours if line.lstrip().startswith(("::", "##["))]
    assert not set(ran.text) & set("\x1b\x07\x00\x9b\u202e")
    assert "INTERNALERROR" not in ran.text
    assert "internal error" not in ran.text
    lines = suite.lines()
    assert len(json.dumps(lines)) < 300_000
    assert all(line["summary"].isprintable() for line in lines[1:])
    found = Counter(test for _, test, _ in suite.found)
    names = ("task", "thread", "left", "variable", "mock", "name", "group", "line", "deep")
    assert {f"test_{name}" for name in names} <= {str(test).partition("[")[0] for test in found}
    ElementTree.parse(suite.path / "junit.xml")


SILENT = """
import threading
from unittest.mock import AsyncMock

class Silent:
    def __repr__(self):
        threading.Event().wait()

KEPT = []

def test_held():
    KEPT.append(AsyncMock(name="mock")(Silent()))

def test_lost():
    def lose():
        raise ValueError(Silent())
    thread = threading.Thread(target=lose)
    thread.start()
    thread.join()

def test_after():
    pass
"""


def test_what_never_says_what_it_is(suite: Suite) -> None:
    """A ``__repr__`` that never returns, asked for when its test is over, ends no run."""
    suite.write("test_it.py", SILENT)
    ran = suite.spawn("-W", "ignore::pytest.PytestUnhandledThreadExceptionWarning")
    assert ran.counts == {"failed": 2, "passed": 1}, ran.text
    assert [one[0] for one in suite.found] == ["missed_await", "lost_exception"]
