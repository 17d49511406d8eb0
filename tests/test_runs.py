"""Runs that end early, crash, are shown in other ways or not at all: nothing is lost."""

from __future__ import annotations

from collections import Counter

import pytest

from inner import Suite
from mixed import FAILED, FOUND, MIXED, short

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
    assert Counter(map(short, suite.findings)) == Counter(FOUND)
    assert "INTERNALERROR" not in ran.text
    assert "missed_await: 14 in 10 tests (fail, warn)" in ran.text


def test_without_a_terminal(suite: Suite) -> None:
    """Without pytest's terminal reporter the run still fails, and the report is whole."""
    suite.write("test_it.py", MIXED)
    ran = suite.spawn("-p", "no:terminal", "-W", "error")
    assert ran.status == 1
    assert Counter(map(short, suite.findings)) == Counter(FOUND)
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
    assert Counter(map(short, suite.findings)) == Counter(FOUND)
    assert "INTERNALERROR" not in ran.text


def test_report_is_closed_when_the_run_ends_early(suite: Suite) -> None:
    """A run that ends before its summary closes the report: pytest would warn of an open file."""
    ran = suite.spawn("--markers", "-W", "error")
    assert ran.status == 0, ran.text
    assert "ResourceWarning" not in ran.text


MAKES = {
    "a fixture": """
        @pytest.fixture(autouse=True)
        def vendor():
            KEPT.append(save())
        """,
    "a thread": """
        def serve():
            made.wait()
            KEPT.append(save())
            done.set()

        @pytest.hookimpl(wrapper=True, tryfirst=True)
        def pytest_runtest_protocol(item):
            if not KEPT:
                threading.Thread(target=serve).start()
            return (yield)

        def pytest_runtest_setup():
            made.set()
            done.wait()
        """,
}


@pytest.mark.parametrize("maker", MAKES)
def test_what_plugins_make_in_a_setup_is_seen_after_the_call(suite: Suite, maker: str) -> None:
    """A plugin's fixture or thread makes a coroutine while no code of the user's has run."""
    head = """
        import threading
        import pytest

        KEPT, made, done = [], threading.Event(), threading.Event()

        async def save(): ...
        """
    suite.write("site-packages/vendor.py", head + MAKES[maker])
    suite.write("test_it.py", "def test_it(): ...\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(suite.path / "site-packages")
        suite.run("-p", "vendor")
    assert [kind for kind, *_ in suite.found] == ["missed_await"]
