"""Time that a test freezes: our limits know the real one, and a report says that it stands."""

from __future__ import annotations

from inner import Suite
from support import Ran

FREEZES = """
import asyncio
import threading

import anyio
import freezegun
import pytest

import anyrig

DATE = "2024-05-05"


@pytest.fixture
def frozen():
    with freezegun.freeze_time(DATE):
        yield
"""


def spawned(suite: Suite, text: str, *arguments: str) -> Ran:
    """A run of these tests, in a process of its own."""
    suite.write("test_frozen.py", FREEZES + text)
    return suite.spawn(*arguments)


def test_right_tests_are_right(suite: Suite) -> None:
    """A limit of 30 s is not over, and no test "has been running" since 1970."""
    done = spawned(
        suite,
        """
@pytest.mark.anyrig(timeout=30, backends=["asyncio"])
async def test_limit():
    with freezegun.freeze_time(DATE, real_asyncio=True):
        await asyncio.sleep(0.3)

@pytest.mark.anyrig(timeout=30)
def test_sync_limit():
    with freezegun.freeze_time(DATE):
        for _ in range(15):
            threading.Event().wait(0.02)

@pytest.mark.anyrig(timeout=30, backends=["trio"])
async def test_limit_on_trio():
    with freezegun.freeze_time(DATE, ignore=["trio"]):
        await anyio.sleep(0.3)

@pytest.mark.anyrig(backends=["asyncio"])
async def test_no_limit():
    with freezegun.freeze_time(DATE, real_asyncio=True):
        await asyncio.sleep(0.3)
""",
    )
    assert done.counts == {"passed": 4}
    assert "has been running" not in done.text


def test_each_test_that_hangs_is_ended(suite: Suite) -> None:
    """Two of them, on either backend; the report says that the clock stands, and what to type."""
    done = spawned(
        suite,
        """
async def hangs():
    await anyio.sleep(0.1)

@pytest.mark.anyrig(timeout=0.2)
async def test_hangs():
    with freezegun.freeze_time(DATE):
        await hangs()

@pytest.mark.anyrig(timeout=0.2)
async def test_hangs_as_well(frozen):
    await hangs()

async def test_next():
    await anyio.sleep(0.01)
""",
    )
    assert done.counts == {"failed": 4, "passed": 2}
    assert done.text.count("time is frozen (freezegun): the loop's clock stands still") == 4
    # what is typed for one backend holds on the other
    assert done.words.count('freeze_time(..., ignore=["asyncio", "trio"])') == 4
    assert done.text.count(">   await hangs()") >= 4


def test_a_mock_of_the_clock_is_named(suite: Suite) -> None:
    """Whatever stops the loop's clock: a mock in the place of `time.monotonic` does."""
    done = spawned(
        suite,
        """
import time
from unittest import mock

@pytest.mark.anyrig(timeout=0.2, backends=["asyncio"])
async def test_hangs():
    with mock.patch("time.monotonic", return_value=0.0):
        await asyncio.sleep(0.1)
""",
    )
    assert done.counts == {"failed": 1}
    assert "`time.monotonic` is replaced (unittest)" in done.text


def test_a_slow_test_hears_of_no_frozen_time(suite: Suite) -> None:
    """The clock of its loop runs."""
    done = spawned(
        suite,
        """
@pytest.mark.anyrig(timeout=0.2)
async def test_hangs():
    await anyio.sleep(3600)
""",
    )
    assert done.counts == {"failed": 2}
    assert "time is frozen" not in done.text


def test_until_knows_the_real_time(suite: Suite) -> None:
    """``until(timeout=)`` ends for a predicate, and for what the loop does."""
    done = spawned(
        suite,
        """
async def test_predicate(frozen):
    with pytest.raises(anyrig.DidNotHappen):
        await anyrig.until(lambda: False, timeout=0.05)

async def test_event(frozen):
    with pytest.raises(anyrig.DidNotHappen):
        await anyrig.until(anyio.Event(), timeout=0.05)

async def test_event_that_comes(frozen, task_group):
    event = anyio.Event()
    task_group.start_soon(anyrig.settled)
    event.set()
    await anyrig.until(event, timeout=60)

async def never():
    await anyio.sleep_forever()

async def test_answer_that_never_comes(frozen):
    with pytest.raises(anyrig.DidNotHappen, match="it was awaited, and did not come back"):
        await anyrig.until(never, timeout=0.05)

async def test_in_time_that_runs():
    with pytest.raises(anyrig.DidNotHappen, match="it was awaited, and did not come back"):
        await anyrig.until(never, timeout=0.05)

@pytest.mark.anyrig(clock="virtual")
async def test_in_virtual_time():
    with pytest.raises(anyrig.DidNotHappen, match="it was awaited, and did not come back"):
        await anyrig.until(never, timeout=50)

async def takes_some_turns():
    for _ in range(5):
        await anyio.sleep(0)
    return "come"

@pytest.mark.parametrize("timeout", [0, None])
async def test_answer_under_way(timeout):
    assert await anyrig.until(takes_some_turns, timeout=timeout) == "come"

async def test_scope_of_the_tests_own(frozen):
    with anyio.CancelScope() as scope:
        async def cancels():
            scope.cancel()
            await anyio.sleep_forever()
        await anyrig.until(cancels, timeout=60)
    assert scope.cancelled_caught
""",
    )
    assert done.counts == {"passed": 18}, done.text


def test_what_does_not_end_is_given_up(suite: Suite) -> None:
    """What goes on though it is cancelled, in frozen time as in any other."""
    done = spawned(
        suite,
        """
async def deaf():
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            pass

@pytest.mark.anyrig(backends=["asyncio"])
async def test_leaves(frozen):
    global kept
    kept = asyncio.create_task(deaf())
    await asyncio.sleep(0)

async def test_next():
    await anyio.sleep(0.01)
""",
        *("-o", "anyrig_cancel_timeout=0.2"),
    )
    assert done.counts == {"failed": 1, "passed": 2}
    assert "a task has not ended 0.2 s after being cancelled" in done.text
