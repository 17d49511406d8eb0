"""The run: what it puts in place it takes away, it keeps its own state, and it is never silent."""

from __future__ import annotations

import pytest

from inner import MISSED_AWAIT, Suite

INSIDE = """
pytest_plugins = ["pytester"]

async def save(value): ...

def test_before():
    save("before")

def test_nests(pytester):
    pytester.makeini("[pytest]\\nanyio_mode = auto")
    pytester.makepyfile('''
        async def save(value): ...

        def test_inner():
            save("inner")

        async def test_inner_async(): ...
    ''')
    arguments = ["-p", "anyio", "-p", "anyrig", "-p", "no:cacheprovider"]
    inner = pytester.runpytest_inprocess(*arguments, "--anyrig-report=inner.jsonl")
    inner.assert_outcomes(failed=1, passed=2)
    assert (pytester.path / "inner.jsonl").read_text().count("missed_await\\", ") == 1

def test_nests_and_drops(pytester):
    save("while nothing is nested")
    pytester.makepyfile("def test_inner(): ...")
    pytester.runpytest_inprocess("-p", "anyio", "-p", "anyrig").assert_outcomes(passed=1)
    save("after it was nested")

def test_after():
    save("after")
"""


def test_run_inside_a_run(suite: Suite) -> None:
    """A pytest run inside a pytest run has findings of its own; the outer one goes on as before."""
    suite.write("test_it.py", INSIDE)
    ran = suite.spawn("-p", "no:randomly")
    found = [
        (test, finding.what)
        for (_, test, _), finding in zip(suite.found, suite.findings, strict=False)
    ]
    assert [test for test, _ in found] == [
        "test_before",
        "test_nests_and_drops",
        "test_nests_and_drops",
        "test_after",
    ], ran.text
    assert ran.counts == {"failed": 3, "passed": 1}


OWN_ITEMS = """
import pytest

async def save(value): ...

class Case(pytest.Item):
    def setup(self):
        self.kept = save("in the setup")

    def runtest(self):
        save("in the call")

    def teardown(self):
        self.shelf = [save("in the teardown")]

class Cases(pytest.File):
    def collect(self):
        yield Case.from_parent(self, name="one")

def pytest_collect_file(file_path, parent):
    if file_path.suffix == ".case":
        return Cases.from_parent(parent, path=file_path)
"""


def test_items_of_a_collector_of_the_users(suite: Suite) -> None:
    """What is no function has phases of its own: each is looked through, and each line is told."""
    suite.write("conftest.py", OWN_ITEMS)
    suite.write("some.case", "")
    ran = suite.spawn()
    found = {
        (finding.place.phase.value, finding.origin and finding.origin.source)
        for finding in suite.findings
    }
    assert found == {
        ("setup", 'self.kept = save("in the setup")'),
        ("call", 'save("in the call")'),
        ("teardown", 'self.shelf = [save("in the teardown")]'),
    }, ran.text


HEARS = """
def pytest_sessionfinish(session):
    print("reports are heard:", session.config.pluginmanager.has_plugin("anyrig-reports"))
"""


@pytest.mark.parametrize(
    ("sample", "heard"), [(MISSED_AWAIT, True), ("async def test_it(): pass", False)]
)
def test_reports_are_heard_from_the_first_finding_on(
    suite: Suite, sample: str, *, heard: bool
) -> None:
    """The hooks for reports cost each test something, so a healthy run does without them."""
    suite.write("conftest.py", HEARS)
    suite.write("test_it.py", sample)
    assert f"reports are heard: {heard}" in suite.run("-s").text


BREAKS = """
import pytest

@pytest.fixture(autouse=True, scope="session")
def broken():
    with pytest.MonkeyPatch.context() as patch:
        def breaks(*args, **kwargs):
            raise ZeroDivisionError("the check broke")
        from anyrig.checks import missed_await
        patch.setattr(missed_await.{owner}, "{name}", breaks)
        yield
"""


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        ("MissedAwaits", "settle"),
        ("MissedAwaits", "_facts"),
        ("MissedAwaits", "finding"),
        ("MissedAwaits", "judge"),
        ("MissedAwaits", "drain"),
    ],
)
def test_check_that_breaks_is_not_silence(suite: Suite, owner: str, name: str) -> None:
    """Where a check itself raises, the run does not end green, and says what was raised."""
    suite.write("conftest.py", BREAKS.format(owner=owner, name=name))
    suite.write(
        "test_it.py", f"{MISSED_AWAIT}KEPT = []\ndef test_keeps():\n    KEPT.append(save(2))\n"
    )
    ran = suite.spawn()
    assert ran.status != 0, ran.text
    assert "ZeroDivisionError" in ran.text


RERUNS = """
import pytest
from _pytest.runner import runtestprotocol

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for attempt in (1, 2):
        item._initrequest()
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        failed = any(report.failed for report in reports)
        if attempt == 1 and failed:
            for report in reports:
                report.outcome = "rerun" if report.failed else report.outcome
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        if not failed:
            break
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True

def pytest_report_teststatus(report):
    if report.outcome == "rerun":
        return "rerun", "R", "RERUN"
"""


def test_rerun_of_a_test(suite: Suite) -> None:
    """A test that is run again is watched anew: what one attempt dropped is its alone."""
    suite.write("conftest.py", RERUNS)
    suite.write(
        "test_it.py",
        """
        attempts = []

        async def save(): ...

        def test_once():
            attempts.append(1)
            if len(attempts) == 1:
                save()

        def test_always():
            save()
        """,
    )
    ran = suite.spawn()
    assert ran.counts == {"passed": 1, "failed": 1}, ran.text
    assert [test for _, test, _ in suite.found] == ["test_once", "test_always", "test_always"]


ENDED_OTHERWISE = """
import pytest

async def save(): ...

@pytest.mark.xfail
def test_xfail():
    save()
    assert False

@pytest.mark.xfail
def test_would_xpass():
    save()

@pytest.mark.xfail(strict=True)
def test_strict():
    save()

def test_skips():
    save()
    pytest.skip("later")

@pytest.mark.skip
def test_skipped():
    save()

@pytest.mark.xfail(raises=ValueError)
def test_raises():
    save()
    raise ValueError
"""


def test_xfail_and_skip(suite: Suite) -> None:
    """A finding in a test that is expected to fail is a failure like any; a skip stays one."""
    suite.write("test_it.py", ENDED_OTHERWISE)
    ran = suite.spawn("-rA")
    assert ran.counts == {"xfailed": 4, "skipped": 2}, ran.text
    assert ("missed_await", "test_skips", "warn") in suite.found
    assert [test for _, test, _ in suite.found] == [
        "test_xfail",
        "test_would_xpass",
        "test_strict",
        "test_skips",
        "test_raises",
    ]
    assert "FAILED" not in ran.text


GROWS = """
import collections
from anyrig.rig import RIG

SIZES = []

class Watcher:
    def __init__(self, config):
        self.rig = config.stash[RIG]

    def pytest_runtest_logfinish(self):
        SIZES.append(sizes(self.rig))

def sizes(thing, seen=None, depth=0):
    seen = set() if seen is None else seen
    if id(thing) in seen or depth > 4:
        return 0
    seen.add(id(thing))
    if isinstance(thing, (dict, list, set, tuple, collections.deque)):
        inner = list(thing.values()) if isinstance(thing, dict) else list(thing)
        return len(thing) + sum(sizes(one, seen, depth + 1) for one in inner)
    if type(thing).__module__.startswith("anyrig"):
        names = [*getattr(thing, "__dict__", {}), *getattr(type(thing), "__slots__", ())]
        return sum(sizes(getattr(thing, name, None), seen, depth + 1) for name in names)
    return 0

def pytest_collection_finish(session):
    session.config.pluginmanager.register(Watcher(session.config))

def pytest_sessionfinish(session):
    middle, last = SIZES[len(SIZES) // 2], SIZES[-1]
    print("SIZES", middle, last, "GREW" if last > middle + 5 else "FLAT")
"""


def test_memory_stays_flat(suite: Suite) -> None:
    """Nothing that the rig holds grows with the number of tests that passed."""
    suite.ini("anyrig_backends = asyncio")
    suite.write("conftest.py", GROWS)
    suite.write(
        "test_it.py",
        """
        import asyncio
        import threading
        from unittest.mock import AsyncMock
        import pytest

        async def save(): ...

        async def numbers():
            yield 1

        @pytest.mark.parametrize("number", range(100))
        async def test_async(number):
            await asyncio.gather(save(), AsyncMock()(save().close()))
            async for _ in numbers():
                break
            thread = threading.Thread(target=save().close)
            thread.start()
            thread.join()

        @pytest.mark.parametrize("number", range(100))
        @pytest.mark.anyrig(backends=["asyncio"])
        def test_sync(number):
            task = save()
            asyncio.run(task)
        """,
    )
    ran = suite.spawn("-q", "-s")
    assert ran.status == 0, ran.text
    assert "FLAT" in ran.text, ran.text
