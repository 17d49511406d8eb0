"""Mocks that are awaited without end: the mock is named, with the line that asks it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any
from unittest.mock import AsyncMock, create_autospec

import pytest

from anyrig.mocks import Mocks, stub
from anyrig.polled import MANY, Polled, Polling
from inner import BACKENDS, Suite

HEAD = """
import time
from unittest.mock import AsyncMock
import anyio, pytest

class Store:
    async def poll(self) -> bool: ...

def late():
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        yield False
    yield True

@pytest.fixture
def double(mocks):
    return mocks.create(Store, checkpoint=False)

async def wait_for(poll):
    while not await poll():
        pass
"""


def here() -> FrameType:
    """The frame of who calls this, as a look from another thread would find it."""
    frame = sys._getframe().f_back
    assert frame is not None
    return frame


def looks(polling: Polling) -> Callable[..., None]:
    """A side effect: a look that finds its mock at work."""
    return lambda *args: polling.look(here())


# -- what the looks tell ---------------------------------------------------------------------------


@pytest.mark.parametrize("make", [AsyncMock, lambda **more: stub("poll", **more)])
async def test_mock_is_named_by_what_calls_it(make: Callable[..., Any]) -> None:
    """A mock without a name of its own has the one that the code around it uses."""
    polling = Polling()
    poll = make(checkpoint=False) if make is not AsyncMock else make()
    poll.side_effect = looks(polling)
    for _ in range(MANY + 1):
        await poll()
    kind = "AsyncMock" if make is AsyncMock else "double"
    polled = polling.polled()
    assert polled is not None
    assert polled._replace(stack=()) == Polled(f"the {kind} `poll`", "poll", kind == "double", MANY)


async def test_line_that_asks(mocks: Mocks) -> None:
    """A mock is told with the code that awaits it: no mock that it calls, no line beside it."""
    polling = Polling()
    outer = mocks.stub("outer", side_effect=AsyncMock(side_effect=looks(polling)))
    for _ in range(MANY + 1):
        await outer()
    line = here().f_lineno - 1
    polling.look(here())  # finds the loop in this line
    polled = polling.polled()
    assert polled is not None
    assert polled.stack[0] == (__file__, line, "test_line_that_asks")


async def test_few_awaits_are_no_polling() -> None:
    """A mock that is awaited a few times is not what holds a loop."""
    polling = Polling()
    poll = AsyncMock(side_effect=looks(polling))
    for _ in range(MANY):
        await poll()
    assert polling.polled() is None


async def test_rare_mock_is_no_polling() -> None:
    """Where most looks find other code at work, no mock is blamed."""
    polling = Polling()
    poll = AsyncMock(side_effect=looks(polling))
    for _ in range(MANY + 1):
        await poll()
        polling.look(here())
        polling.look(here())
    assert polling.polled() is None


async def test_two_that_are_awaited_in_turn() -> None:
    """The one that more looks have found comes first."""
    polling = Polling()
    poll = AsyncMock(name="poll", side_effect=looks(polling))
    pause = AsyncMock(name="pause")
    for number in range(2 * MANY):
        await poll()
        await pause()
        if number % 10 == 0:
            pause.side_effect = looks(polling)
        else:
            pause.side_effect = None
    polled = polling.polled()
    assert polled is not None
    assert (polled.name, polled.others) == ("poll", ("pause",))


async def test_autospecced_function() -> None:
    """A function that stands before a mock is told by the mock's name."""

    async def poll() -> None: ...

    polling = Polling()
    double = create_autospec(poll)
    double.side_effect = looks(polling)
    for _ in range(MANY + 1):
        await double()
    polled = polling.polled()
    assert polled is not None
    assert (polled.words, polled.times) == ("the AsyncMock `poll`", MANY)


# -- what a test is told ---------------------------------------------------------------------------


def test_double_is_named(suite: Suite) -> None:
    """A held loop names the double that was awaited, how often, and the user's own line."""
    suite.ini(f"anyrig_backends = {' '.join(BACKENDS)}")
    suite.write(
        "test_it.py",
        HEAD
        + """
@pytest.mark.anyrig(blocked_loop="fail", blocked_loop_after=0.1)
async def test_polls(double):
    double.poll.side_effect = late()
    await wait_for(double.poll)
""",
    )
    ran = suite.spawn()
    assert suite.found == [("blocked_loop", f"test_polls[{name}]", "fail") for name in BACKENDS]
    for finding in suite.findings:
        assert finding.what == "the double `store.poll`"
        assert finding.summary == "`store.poll` was awaited again and again for more than 0.1 s"
        assert finding.origin is not None
        assert finding.origin.source == "while not await poll():"
        assert [frame.function for frame in finding.origin.chain] == ["test_polls"]
        (detail,) = finding.details
        assert detail.startswith("it was awaited ")
        assert detail.endswith(" times in a row, and never let go of the loop (checkpoint=False)")
        assert "`store.poll.side_effect = [...]`" in finding.mend[0]
    assert "leave out checkpoint=False" in ran.text


def test_stock_mock_is_named(suite: Suite) -> None:
    """A stock AsyncMock that has no name is told by the name that the code around it has."""
    suite.ini(f"anyrig_backends = {' '.join(BACKENDS)}")
    suite.write(
        "test_it.py",
        HEAD
        + """
@pytest.mark.anyrig(blocked_loop_after=0.1)
async def test_polls():
    await wait_for(AsyncMock(side_effect=late()))
""",
    )
    suite.spawn()
    assert suite.found == [("blocked_loop", f"test_polls[{name}]", "warn") for name in BACKENDS]
    for finding in suite.findings:
        assert finding.what == "the AsyncMock `poll`"
        assert finding.details[0].endswith("of the loop (an AsyncMock never does)")


def test_busy_code_beside_a_mock(suite: Suite) -> None:
    """Where the test's own code takes the time, that is what holds the loop."""
    suite.write(
        "test_it.py",
        HEAD
        + """
@pytest.mark.anyrig(blocked_loop_after=0.1)
async def test_works():
    poll = AsyncMock(side_effect=late())
    while not await poll():
        time.sleep(0.002)
""",
    )
    suite.spawn()
    assert {finding.what for finding in suite.findings} == {"the event loop"}


def test_timeout_of_a_loop_that_turns(suite: Suite) -> None:
    """What spins around a double that yields is ended by the limit, which says how often."""
    names = [name for name in BACKENDS if name != "asyncio+eager"]
    suite.ini(f"anyrig_backends = {' '.join(names)}")
    suite.write(
        "test_it.py",
        HEAD
        + """
@pytest.mark.anyrig(timeout=0.3)
async def test_spins(mocks):
    store = mocks.create(Store, **{"poll.return_value": False})
    await wait_for(store.poll)

@pytest.mark.anyrig(timeout=0.3)
async def test_waits(mocks):
    await mocks.stub("poll", delay=3600)()
""",
    )
    suite.spawn()
    assert len(suite.findings) == 2 * len(names)
    for finding in suite.findings:
        last = finding.picture[-1].strip()
        if "test_spins" in str(finding.place.test):
            assert last.startswith("waits for the double `store.poll`, awaited ")
        else:
            assert last == "waits for the double `poll`"


def test_held_loop_is_told_beside_its_timeout(suite: Suite) -> None:
    """The finding of a loop that was held is shown where the limit ended the test."""
    suite.write(
        "test_it.py",
        HEAD
        + """
@pytest.mark.anyrig(timeout=0.3, blocked_loop="fail", blocked_loop_after=0.1)
async def test_polls(double):
    double.poll.return_value = False
    await wait_for(double.poll)
""",
    )
    ran = suite.spawn()
    kinds = {finding.kind.value for finding in suite.findings}
    assert {"timeout", "blocked_loop"} <= kinds
    assert "the test was not over after 0.3 s" in ran.text
    assert "`store.poll` was awaited again and again for more than 0.1 s" in ran.text


def test_what_a_task_waits_for_is_not_asked(suite: Suite) -> None:
    """A picture of the tasks calls nothing of a mock that one of them is in."""
    suite.write(
        "test_it.py",
        HEAD
        + """
@pytest.mark.anyrig(timeout=0.3)
async def test_waits():
    poll = AsyncMock(side_effect=anyio.sleep)
    await poll(3600)
""",
    )
    suite.spawn()
    assert [kind for kind, *_ in suite.found] == ["timeout", "timeout"]
    for finding in suite.findings:
        assert finding.picture[-1].strip() == "waits for the AsyncMock `poll`"
