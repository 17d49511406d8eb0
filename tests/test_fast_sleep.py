"""`fast_sleep`: sleeps take no time, in their order; what is no sleep takes real time."""

from __future__ import annotations

import asyncio
import threading
import time

import anyio
import pytest
import trio
from anyio import to_thread
from anyio.abc import TaskStatus

import anyrig
from anyrig import FastSleep
from anyrig.backends import call_later
from inner import Suite

pytestmark = pytest.mark.anyrig(backends=["asyncio", "trio"])


async def test_a_sleep_takes_no_real_time_and_all_of_its_own(fast_sleep: FastSleep) -> None:
    """The loop's clock moves by what was slept; the calls tell who, how long and where."""
    began = anyio.current_time()
    real = time.monotonic()
    await anyio.sleep(3600)
    assert anyio.current_time() - began >= 3600
    assert time.monotonic() - real < 3600
    [call] = fast_sleep.calls
    assert call.origin is not None
    assert call.origin.source == "await anyio.sleep(3600)"
    assert call.origin.path == "tests/test_fast_sleep.py"
    assert (call.seconds, fast_sleep.total) == (3600, 3600)


async def test_sleeps_end_in_the_order_of_their_deadlines(fast_sleep: FastSleep) -> None:
    """Whoever began first."""
    log: list[float] = []

    async def nap(seconds: float) -> None:
        await anyio.sleep(seconds)
        log.append(seconds)

    async with anyio.create_task_group() as group:
        for seconds in (500, 3, 100, 0.5, 20):
            group.start_soon(nap, seconds, name=f"{seconds}")
    assert log == [0.5, 3, 20, 100, 500]
    assert {call.seconds: call.task for call in fast_sleep.calls}[100] == "100"


@pytest.mark.usefixtures("fast_sleep")
async def test_a_sleep_begins_when_the_one_before_it_has_ended() -> None:
    """Time waits for who was woken: what others sleep does not put off its next sleep."""
    log: list[str] = []
    hour = 3600

    async def naps(name: str, *hours: float) -> None:
        for nap in hours:
            await anyio.sleep(nap * hour)
        log.append(name)

    async with anyio.create_task_group() as group:
        group.start_soon(naps, "1 + 1", 1, 1)
        group.start_soon(naps, "1.5", 1.5)
        group.start_soon(naps, "2.2", 2.2)
    assert log == ["1.5", "1 + 1", "2.2"]

    async with anyio.create_task_group() as group:
        group.start_soon(naps, "beside", *[0.9] * 100)
        began = anyio.current_time()
        await naps("10 * 1", *[1] * 10)
        assert round((anyio.current_time() - began) / hour) == 10
        group.cancel_scope.cancel()


@pytest.mark.usefixtures("fast_sleep")
async def test_a_sleep_ends_while_others_are_busy() -> None:
    """One that never waits does not keep it."""
    is_over = False

    async def spin() -> None:
        while not is_over:
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as group:
        group.start_soon(spin)
        await anyio.sleep(86_400)
        is_over = True


@pytest.mark.usefixtures("fast_sleep")
async def test_a_timeout_fires_only_if_it_is_shorter_than_what_it_wraps() -> None:
    """A longer one does not, and one around many sleeps counts them all."""
    with anyio.fail_after(20):
        await anyio.sleep(10)
    with anyio.move_on_after(5) as scope:
        await anyio.sleep(10)
    assert scope.cancelled_caught
    naps = 0
    with anyio.fail_after(100), anyio.move_on_after(10.5) as scope:
        while naps < 100:
            await anyio.sleep(1)
            naps += 1
    assert scope.cancelled_caught
    assert naps == 10


@pytest.mark.usefixtures("fast_sleep")
async def test_a_timeout_in_which_nobody_sleeps_has_its_real_time() -> None:
    """What one task sleeps is not taken from another one's timeout."""
    event = threading.Event()

    async def work() -> None:
        with anyio.fail_after(30):
            await to_thread.run_sync(event.wait)

    async with anyio.create_task_group() as group:
        group.start_soon(work)
        for _ in range(3):
            await anyio.sleep(3600)
        event.set()


@pytest.mark.usefixtures("fast_sleep")
async def test_a_timeout_around_a_group_counts_what_its_tasks_sleep() -> None:
    """Who waits for a task that sleeps is asleep as well."""
    with anyio.move_on_after(10) as scope:
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep, 3600)
    assert scope.cancelled_caught


@pytest.mark.anyrig(backends=["asyncio"])
@pytest.mark.usefixtures("fast_sleep")
async def test_asyncios_own_timeouts_are_told_apart_as_well() -> None:
    """By the task that they are for, and those that it waits for."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(3600))
    naps = asyncio.gather(asyncio.sleep(3600), asyncio.sleep(2))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(naps, 10)
    await asyncio.wait_for(asyncio.sleep(5), 10)

    event = threading.Event()

    async def work() -> None:
        async with asyncio.timeout(30):
            await asyncio.to_thread(event.wait)

    working = asyncio.create_task(work())
    await asyncio.sleep(3600)
    event.set()
    await working


async def test_a_loop_with_a_deadline_of_its_own_ends(fast_sleep: FastSleep) -> None:
    """The clock goes on with each sleep."""
    until = anyio.current_time() + 9.5
    while anyio.current_time() < until:
        await anyio.sleep(1)
    assert [call.seconds for call in fast_sleep.calls] == [1] * 10


async def test_a_sleep_that_is_cancelled_is_told_and_gone(fast_sleep: FastSleep) -> None:
    """Nobody waits for its end, nor does the clock go there."""
    began = anyio.current_time()
    with anyio.move_on_after(1):
        await anyio.sleep(1_000_000)
    await anyio.sleep(1)
    assert [call.seconds for call in fast_sleep.calls] == [1_000_000, 1]
    assert 2 <= anyio.current_time() - began < 1_000_000


async def test_a_checkpoint_is_no_sleep(fast_sleep: FastSleep) -> None:
    """``sleep(0)`` waits for nothing."""
    await anyio.sleep(0)
    assert fast_sleep.calls == []


@pytest.mark.anyrig(backends=["trio"])
async def test_a_sleep_to_a_point_in_time_has_no_seconds(fast_sleep: FastSleep) -> None:
    """trio's ``sleep_until`` is told with its line."""
    await trio.sleep_until(trio.current_time() + 60)
    [call] = fast_sleep.calls
    assert call.seconds is None
    assert call.origin is not None
    assert call.origin.source == "await trio.sleep_until(trio.current_time() + 60)"


@pytest.mark.usefixtures("fast_sleep")
async def test_what_is_cancelled_has_its_real_time_to_end() -> None:
    """The bound of `anyrig_cancel_timeout` is no sleep, on either backend."""
    late: list[str] = []
    forget = call_later(60, lambda: late.append("called"))
    for _ in range(3):
        await anyio.sleep(3600)
    forget()
    assert late == []


# -- fixtures of wider scope -----------------------------------------------------------------------


@anyrig.service(scope="module")
async def clockwork(*, task_status: TaskStatus[list[float]]) -> None:
    """Reads the loop's clock when it is asked to."""
    readings: list[float] = []
    task_status.started(readings)
    while True:
        readings.append(anyio.current_time())
        await anyio.lowlevel.checkpoint()
        if len(readings) > 3:
            await anyio.sleep_forever()


async def test_a_service_sees_the_time_go_on(clockwork: list[float], fast_sleep: FastSleep) -> None:
    """It shares the loop."""
    before = anyio.current_time()
    await anyio.sleep(3600)
    assert anyio.current_time() - before >= 3600
    assert clockwork == sorted(clockwork)


async def test_time_is_real_again(clockwork: list[float]) -> None:
    """It goes on from where the last test left it, at its own pace."""
    assert anyio.current_time() >= max(clockwork)
    real, own = time.monotonic(), anyio.current_time()
    await to_thread.run_sync(int)
    assert abs((anyio.current_time() - own) - (time.monotonic() - real)) < 3600


# -- where it can't be -----------------------------------------------------------------------------


def _told(suite: Suite, fixtures: str, backend: str) -> str:
    suite.ini(f"anyrig_backends = {backend}")
    suite.write("test_it.py", f"async def test_it({fixtures}): pass")
    return " ".join(suite.run().text.split())


def test_beside_the_clock_it_is_an_error(suite: Suite) -> None:
    """A test has one clock, and is told what each is for."""
    text = _told(suite, "clock, fast_sleep", "asyncio")
    assert "a test has one clock: `clock` or `fast_sleep`." in text


def test_on_uvloop_it_is_an_error_with_the_remedy(suite: Suite) -> None:
    """Its timers are libuv's."""
    pytest.importorskip("uvloop", reason="without uvloop there is no such backend")
    text = _told(suite, "fast_sleep", "asyncio+uvloop")
    assert "@pytest.mark.anyrig(backends=['asyncio', 'trio'])" in text
