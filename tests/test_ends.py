"""A test that is ended stays ended: whoever catches the end is ended again, and it is told once."""

from __future__ import annotations

import asyncio

import pytest
import trio

from anyrig.ends import Reason, Stopped, as_told, is_end
from inner import BACKENDS, Suite
from support import Ran

HEAD = "import asyncio, contextlib, os, signal, threading, time, unittest\nimport anyio, pytest\n"
TWO = ["asyncio", "trio"]
QUICK = "@settings(max_examples=50, database=None, deadline=None)\n"


def ran(
    suite: Suite, text: str, *arguments: str, plugins: tuple[str, ...] = ("anyio", "anyrig")
) -> Ran:
    """Run a module of tests in a process of its own: what hangs is ended with it."""
    suite.ini("anyrig_backends = asyncio trio", "anyrig_blocked_loop = off")
    suite.write("test_it.py", HEAD + text)
    return suite.spawn("-W", "ignore::DeprecationWarning", *arguments, plugins=plugins)


def told(suite: Suite) -> list[tuple[str, str, str]]:
    """The kind, the test and the line of each finding, in the order of their names."""
    return sorted(
        (
            one.kind.value,
            (one.place.test or "").rpartition("::")[2],
            "" if one.origin is None else one.origin.source or "",
        )
        for one in suite.findings
    )


def each(kind: str, name: str, line: str) -> list[tuple[str, str, str]]:
    """A finding on each of the two backends."""
    return [(kind, f"{name}[{backend}]", line) for backend in TWO]


# -- who catches the end ---------------------------------------------------------------------------

WAIT = "await anyio.Event().wait()"
SLEEP = "await anyio.sleep(3600)"
HOLD = "time.sleep(3600)"


def test_hypothesis(suite: Suite) -> None:
    """An example that hangs ends its test, sync and async, also where only some examples hang."""
    pytest.importorskip("hypothesis", reason="its tests are what is looked at")
    done = ran(
        suite,
        f"""
from hypothesis import given, settings, strategies as st

{QUICK}@given(n=st.integers(0, 3))
async def test_waits(n):
    await anyio.Event().wait()

{QUICK}@given(n=st.integers(0, 100))
async def test_some(n):
    if n > 50:
        await anyio.Event().wait()

@pytest.mark.anyrig(timeout=0.3)
{QUICK}@given(n=st.integers(0, 3))
async def test_late(n):
    await anyio.sleep(3600)

@pytest.mark.anyrig(timeout=0.3)
{QUICK}@given(n=st.integers(0, 3))
def test_held(n):
    time.sleep(3600)

@pytest.mark.anyrig(timeout=60)
{QUICK}@given(n=st.integers(0, 3))
async def test_fine(n):
    await anyio.sleep(0)

{QUICK}@given(n=st.integers(0, 100))
def test_fails(n):
    assert n < 7
""",
    )
    assert done.counts == {"failed": 8, "passed": 2}, done.text
    assert "n=7" in done.text  # it was made smaller
    assert told(suite) == sorted(
        [
            *each("deadlock", "test_waits", WAIT),
            *each("deadlock", "test_some", WAIT),
            *each("timeout", "test_late", SLEEP),
            ("timeout", "test_held", HOLD),
        ]
    )


def test_who_tries_again(suite: Suite) -> None:
    """``except Exception`` around what hangs does not catch the end, in a fixture neither."""
    done = ran(
        suite,
        """
class Tries:
    def __iter__(self):
        while True:
            yield contextlib.suppress(Exception)

async def test_waits():
    for tried in Tries():
        with tried:
            await anyio.Event().wait()

@pytest.mark.anyrig(timeout=0.3)
async def test_late():
    for tried in Tries():
        with tried:
            await anyio.sleep(3600)

@pytest.mark.anyrig(timeout=0.3)
def test_held():
    for tried in Tries():
        with tried:
            time.sleep(3600)

@pytest.fixture
def server():
    for tried in Tries():
        with tried:
            time.sleep(3600)

@pytest.mark.anyrig(timeout=0.3)
def test_set_up(server):
    pass

@pytest.mark.anyrig(backends=["asyncio"])
async def test_gathers():
    while True:
        await asyncio.gather(anyio.Event().wait(), return_exceptions=True)
""",
    )
    assert done.counts == {"failed": 6, "error": 1}, done.text
    gather = "await asyncio.gather(anyio.Event().wait(), return_exceptions=True)"
    assert told(suite) == sorted(
        [
            *each("deadlock", "test_waits", WAIT),
            *each("timeout", "test_late", SLEEP),
            ("timeout", "test_held", HOLD),
            ("timeout", "test_set_up", HOLD),
            ("deadlock", "test_gathers[asyncio]", gather),
        ]
    )


def test_who_catches_all(suite: Suite) -> None:
    """``except BaseException`` is ended once more, each time, and told once; cleanup has its time.

    What handles the end is not ended again.
    """
    done = ran(
        suite,
        """
@pytest.mark.anyrig(cancel_timeout=2)
async def test_waits():
    for _ in range(3):
        with contextlib.suppress(BaseException):
            await anyio.Event().wait()

@pytest.mark.anyrig(timeout=0.3, cancel_timeout=2)
async def test_late():
    for _ in range(3):
        with contextlib.suppress(BaseException):
            await anyio.sleep(3600)

@pytest.mark.anyrig(timeout=0.3, cancel_timeout=2)
def test_held():
    for _ in range(3):
        with contextlib.suppress(BaseException):
            time.sleep(3600)

@pytest.mark.anyrig(timeout=0.3)
async def test_cleans_up():
    try:
        await anyio.sleep(3600)
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.sleep(1.5)
        print("has cleaned up")

def test_after():
    pass
""",
    )
    assert done.counts == {"failed": 7, "passed": 1}, done.text
    assert done.text.count("has cleaned up\n") == 2
    assert "Stopped" not in done.text
    assert told(suite) == sorted(
        [
            *each("deadlock", "test_waits", WAIT),
            *each("timeout", "test_late", SLEEP),
            *each("timeout", "test_cleans_up", SLEEP),
            ("timeout", "test_held", HOLD),
        ]
    )


@pytest.mark.skipif(pytest.version_tuple < (9,), reason="pytest has subtests since 9.0")
def test_subtests(suite: Suite) -> None:
    """What hangs in a subtest ends the test: at its time, told once, as no failure of a subtest."""
    done = ran(
        suite,
        """
async def test_waits(subtests):
    for number in range(3):
        with subtests.test(number=number):
            print("written by a subtest")
            await anyio.Event().wait()

@pytest.mark.anyrig(timeout=0.3)
async def test_late(subtests):
    for number in range(3):
        with subtests.test(number=number):
            await anyio.sleep(3600)

@pytest.mark.anyrig(timeout=0.3)
def test_held(subtests):
    for number in range(3):
        with subtests.test(number=number):
            time.sleep(3600)

class TestOfUnittest(unittest.TestCase):
    @pytest.mark.anyrig(timeout=0.3)
    def test_held_too(self):
        for number in range(3):
            with self.subTest(number=number):
                time.sleep(3600)

async def crashes():
    raise KeyError("crash")

async def test_beside_a_crash(subtests, task_group):
    task_group.start_soon(crashes)
    for number in range(3):
        with subtests.test(number=number):
            await anyio.sleep(3600)
""",
    )
    assert done.counts == {"failed": 8}, done.text
    assert "SUBFAILED" not in done.text
    assert done.text.count("written by a subtest") == 2
    assert done.text.count("KeyError: 'crash'\n") == 4  # at its place, and in the summary
    assert told(suite) == sorted(
        [
            *each("deadlock", "test_waits", WAIT),
            *each("timeout", "test_late", SLEEP),
            ("timeout", "test_held", HOLD),
            ("timeout", "test_held_too", HOLD),
        ]
    )


@pytest.mark.skipif(pytest.version_tuple < (9,), reason="pytest has subtests since 9.0")
def test_what_a_subtest_fails_with_is_its_own(suite: Suite) -> None:
    """A subtest that fails, or awaits a task that was cancelled, is all that fails in its test."""
    done = ran(
        suite,
        """
@pytest.mark.anyrig(timeout=60, backends=["asyncio"])
async def test_fails(subtests):
    task = asyncio.create_task(asyncio.sleep(3600))
    await asyncio.sleep(0)
    task.cancel()
    with subtests.test("awaits"):
        await task
    with subtests.test("asserts"):
        assert not "right"
    with subtests.test("passes"):
        await anyio.sleep(0)
""",
    )
    assert "SUBFAILED[awaits]" in done.text, done.text
    assert "SUBFAILED[asserts]" in done.text
    assert "SUBFAILED[passes]" not in done.text
    assert suite.findings == []


# -- other loops than ours -------------------------------------------------------------------------

ELSEWHERE = """
async def waits():
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0)
        print("has cleaned up")

async def sleeps():
    try:
        await asyncio.sleep(3600)
    finally:
        await asyncio.sleep(0)
        print("has cleaned up")
"""
A_WAIT = "await asyncio.Event().wait()"
A_SLEEP = "await asyncio.sleep(3600)"


def test_loops_of_a_test(suite: Suite) -> None:
    """``asyncio.run``, ``trio.run`` and unittest's loops are ended where they wait, with a tree."""
    done = ran(
        suite,
        ELSEWHERE
        + """
import trio

def test_waits():
    asyncio.run(waits())

@pytest.mark.anyrig(timeout=0.3)
def test_late():
    asyncio.run(sleeps())

@pytest.mark.anyrig(timeout=0.3)
def test_trio():
    async def main():
        try:
            await trio.sleep(3600)
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(0)
            print("has cleaned up")
    trio.run(main)

@pytest.mark.anyrig(timeout=0.3)
def test_trio_spins():
    async def main():
        try:
            while True:
                await trio.sleep(0)
        finally:
            print("has cleaned up")
    trio.run(main)

class TestOfUnittest(unittest.IsolatedAsyncioTestCase):
    async def test_waits_too(self):
        await waits()

    @pytest.mark.anyrig(timeout=0.3)
    async def test_late_too(self):
        await sleeps()

def test_fine():
    async def main():
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, time.sleep, 0.6)
        event = asyncio.Event()
        loop.call_later(0.6, event.set)
        await event.wait()
    asyncio.run(main())
""",
    )
    assert done.counts == {"failed": 6, "passed": 1}, done.text
    assert done.text.count("has cleaned up\n") == 6
    assert "this call held the thread" not in done.text
    assert told(suite) == [
        ("deadlock", "test_waits", A_WAIT),
        ("deadlock", "test_waits_too", A_WAIT),
        ("timeout", "test_late", A_SLEEP),
        ("timeout", "test_late_too", A_SLEEP),
        ("timeout", "test_trio", "await trio.sleep(3600)"),
        ("timeout", "test_trio_spins", "await trio.sleep(0)"),
    ]
    assert all(one.picture for one in suite.findings)


BESIDE = """
async def test_waits():
    await waits()

@pytest.mark.anyrig(timeout=0.3)
async def test_late():
    task = asyncio.create_task(sleeps(), name="worker")
    await task

@pytest.mark.anyrig(timeout=0.3)
async def test_catches():
    for _ in range(3):
        with contextlib.suppress(BaseException):
            await asyncio.sleep(3600)

@pytest.fixture
async def slow():
    yield
    await asyncio.sleep(3600)

@pytest.mark.anyrig(timeout=0.3)
async def test_torn_down(slow):
    pass

async def test_fine():
    await asyncio.sleep(0.6)
"""


@pytest.mark.parametrize("plugin", ["asyncio", "anyrig_compat"])
def test_tests_of_pytest_asyncio(suite: Suite, plugin: str) -> None:
    """Beside pytest-asyncio, and under the shim, a test ends with its tree, in its own loop."""
    pytest.importorskip("pytest_asyncio", reason="it is what runs them")
    beside = plugin == "asyncio"
    suite.write("pytest.ini", "[pytest]\nasyncio_mode = auto\nanyrig_blocked_loop = off\n")
    suite.write("test_it.py", HEAD + ELSEWHERE + BESIDE)
    if not beside:
        suite.write("conftest.py", "import sys\nsys.modules['pytest_asyncio'] = None\n")
    plugins = ("anyio", "anyrig", *(("asyncio",) if beside else ("anyrig_compat",)))
    done = suite.spawn("-W", "ignore::DeprecationWarning", plugins=plugins)
    if not beside and "the shim steps back" in done.text:
        pytest.skip("pytest-asyncio is installed: it can't be taken for absent here")
    assert done.counts == {"failed": 3, "passed": 2, "error": 1}, done.text
    assert done.text.count("has cleaned up\n") == 2
    assert "this call held the thread" not in done.text
    assert told(suite) == [
        ("deadlock", "test_waits", A_WAIT),
        ("timeout", "test_catches", A_SLEEP),
        ("timeout", "test_late", "await task"),
        ("timeout", "test_torn_down", A_SLEEP),
    ]
    late = next(one for one in suite.findings if one.place.test == "test_it.py::test_late")
    assert any("worker" in line for line in late.picture)


# -- what is told in the place of an end -----------------------------------------------------------


def test_what_is_told() -> None:
    """In the place of what has ended a phase stands what that was for, and each of it once."""
    ended, own = ValueError("ended"), KeyError("own")
    cancelled = asyncio.CancelledError()
    assert as_told(own, ended) is own
    assert as_told(cancelled, None) is cancelled
    assert as_told(Stopped(ended), None) is ended
    assert as_told(cancelled, ended) is ended
    assert as_told(BaseExceptionGroup("", [cancelled, Stopped(ended)]), ended) is ended
    mixed = as_told(BaseExceptionGroup("all", [Stopped(ended), own, Stopped(ended)]), ended)
    assert isinstance(mixed, ExceptionGroup)
    assert mixed.exceptions == (ended, own)
    broken = trio.TrioInternalError()
    broken.__cause__ = Stopped(ended)
    assert as_told(broken, ended) is ended
    assert as_told(broken, None) is broken


def test_an_end_is_no_exception() -> None:
    """No ``except Exception`` catches it, and no plugin that goes by the failures of a test."""
    assert not isinstance(Stopped(), Exception | SystemExit | pytest.fail.Exception)
    assert is_end(Stopped())
    assert not is_end(asyncio.InvalidStateError())
    assert Reason.of(ValueError("one\ntwo")) == "one"


def test_backends_are_the_two() -> None:
    """Each of the two that are named here is one that can run."""
    assert set(TWO) <= set(BACKENDS)
