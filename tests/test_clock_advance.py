"""``clock.advance``: so much time, with all that is due in it, also where it stands still."""

from __future__ import annotations

import math

import anyio
import pytest
from anyio.abc import TaskGroup

from anyrig import Clock

pytestmark = pytest.mark.anyrig(backends=["asyncio", "trio"])


@pytest.fixture(params=[True, False], ids=["autojump", "by hand"])
def clock(clock: Clock, request: pytest.FixtureRequest) -> Clock:
    """A clock that jumps by itself, and one that does not."""
    clock.autojump = request.param
    return clock


async def test_what_is_due_has_run(clock: Clock, task_group: TaskGroup) -> None:
    """Also at the very end, and with all that follows from it."""
    log: list[float] = []

    async def tick() -> None:
        while True:
            await anyio.sleep(60)
            for _ in range(5):
                await anyio.lowlevel.checkpoint()
            log.append(clock.time())

    task_group.start_soon(tick)
    await anyio.lowlevel.checkpoint()
    await clock.advance(180)
    assert log == [60, 120, 180]
    assert clock.time() == 180


async def test_by_hand_nothing_moves_by_itself(clock: Clock, task_group: TaskGroup) -> None:
    """The time is that of the last advance."""
    clock.autojump = False
    times: list[float] = []

    async def nap() -> None:
        await anyio.sleep(1)
        times.append(clock.time())

    task_group.start_soon(nap)
    await clock.advance(0)
    assert (clock.time(), times) == (0, [])
    await clock.advance(0.5)
    assert (clock.time(), times) == (0.5, [])
    await clock.advance(0.75)
    assert (clock.time(), times) == (1.25, [1])


async def test_several_at_once(clock: Clock) -> None:
    """Each comes back at its own time."""
    times: list[tuple[float, float]] = []

    async def go(seconds: float) -> None:
        await clock.advance(seconds)
        times.append((seconds, clock.time()))

    async with anyio.create_task_group() as group:
        for seconds in (30, 10, 20):
            group.start_soon(go, seconds)
    assert times == [(10, 10), (20, 20), (30, 30)]


async def test_one_that_is_cancelled_moves_nothing_further(clock: Clock) -> None:
    """Where nobody waits for it any more, it is over."""
    clock.autojump = False
    with anyio.CancelScope() as scope:
        scope.cancel()
        await clock.advance(60)
    await clock.advance(1)
    assert clock.time() == 1


@pytest.mark.parametrize("seconds", [-1, math.nan, "1", None])
async def test_time_goes_forward_by_numbers(clock: Clock, seconds: float) -> None:
    """All else is a `ValueError`."""
    with pytest.raises(ValueError, match=r"clock\.advance: .* is no number of seconds"):
        await clock.advance(seconds)
