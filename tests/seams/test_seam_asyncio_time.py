"""The private names of an asyncio loop's clock, and of what it waits with."""

from __future__ import annotations

import asyncio
import selectors
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from anyrig.backends import BACKENDS
from anyrig.clock.course import Course, Skipping
from anyrig.seams import asyncio as asyncio_seam
from anyrig.seams.asyncio_time import LoopTime, can_follow
from anyrig.seams.cpython import stacks
from keepers import Nobody, Slept

HOUR = 3600.0


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop that does not run."""
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def _run(loop: asyncio.AbstractEventLoop, main: Callable[[], Any], course: Course) -> LoopTime:
    """Run ``main()`` while the loop follows a course, which it follows no more afterwards."""
    time = LoopTime(loop)

    async def follows() -> None:
        time.follow(course)
        try:
            await main()
        finally:
            time.follow(None)

    loop.run_until_complete(follows())
    return time


def test_loop_has__selector__ready__scheduled(loop: asyncio.AbstractEventLoop) -> None:
    """A loop of asyncio's has what can be followed, one of uvloop's has not."""
    assert can_follow(loop)
    if BACKENDS["asyncio+uvloop"].missing() is None:
        import uvloop

        other = uvloop.new_event_loop()
        assert not can_follow(other)
        other.close()


def test_loop_asks_its_own_time_and_call_at(loop: asyncio.AbstractEventLoop) -> None:
    """``call_later``, ``sleep`` and timeouts ask the loop itself for ``time`` and ``call_at``."""
    course = Course(Nobody())

    async def main() -> None:
        start = loop.time()
        asyncio.get_running_loop().call_later(HOUR, print)
        await asyncio.sleep(HOUR)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), HOUR)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(HOUR):
                await asyncio.Event().wait()
        assert loop.time() == start + 3 * HOUR

    _run(loop, main, course)
    assert course.elapsed() == 3 * HOUR


def test_loop_calls__selector_select_once_a_turn(loop: asyncio.AbstractEventLoop) -> None:
    """``select`` gets 0 where something is ready, and None where no timer is in ``_scheduled``."""
    asked: list[float | None] = []
    inner: Any = loop
    before = inner._selector.select

    async def main() -> None:
        ours = inner._selector.select

        def heard(timeout: float | None = None) -> Any:
            asked.append(timeout)
            return ours(timeout)

        inner._selector.select = heard
        await asyncio.sleep(0)
        asked.append(-1)
        await asyncio.sleep(HOUR)

    _run(loop, main, Course(Nobody()))
    assert asked[:3] == [0, -1, None]
    del inner._selector.select
    assert inner._selector.select == before


def test_timers_due_together_go_in_the_order_in_which_they_were_set(
    loop: asyncio.AbstractEventLoop,
) -> None:
    """``_ready`` is what the loop calls next, in its order, after the I/O that came before."""
    order: list[int] = []

    async def main() -> None:
        when = loop.time() + HOUR
        for number in range(20):
            loop.call_at(when, order.append, number)
        await asyncio.sleep(HOUR)

    _run(loop, main, Course(Nobody()))
    assert order == list(range(20))


def test_timers_go_over_and_back(loop: asyncio.AbstractEventLoop) -> None:
    """What is in ``_scheduled`` is taken over, with ``_scheduled`` false, and is put back there."""
    inner: Any = loop
    earlier = loop.call_later(2 * HOUR, print)
    cancelled = loop.call_later(3 * HOUR, print)
    cancelled.cancel()
    assert inner._timer_cancelled_count == 1
    later: list[asyncio.TimerHandle] = []

    async def main() -> None:
        assert inner._scheduled == []
        assert inner._timer_cancelled_count == 0
        assert not earlier._scheduled  # type: ignore[attr-defined]
        # a timer that is in no heap of asyncio's is not counted when it is cancelled
        dropped = loop.call_later(HOUR, print)
        dropped.cancel()
        assert inner._timer_cancelled_count == 0
        later.append(loop.call_later(HOUR, print))

    _run(loop, main, Course(Nobody()))
    assert sorted(inner._scheduled) == [later[0], earlier]
    earlier.cancel()
    assert inner._timer_cancelled_count == 1
    later[0].cancel()


def test_time_never_runs_back(loop: asyncio.AbstractEventLoop) -> None:
    """The loop's clock goes on from where virtual time was, and is its own again at the end."""

    async def main() -> None:
        await asyncio.sleep(HOUR)

    before = loop.time()
    time = _run(loop, main, Course(Nobody()))
    assert loop.time() >= before + HOUR
    assert {"call_at", "run_in_executor"}.isdisjoint(vars(loop))
    time.close()
    assert "time" not in vars(loop)
    assert loop.time() < before + HOUR


def test_checks_of_call_at_are_those_of_the_loop(loop: asyncio.AbstractEventLoop) -> None:
    """``_check_closed``, and in debug mode ``_check_callback``, say no as they do in real time."""
    loop.set_debug(True)

    async def main() -> None:
        with pytest.raises(TypeError, match="call_at"):
            loop.call_at(0, main)

    time = _run(loop, main, Course(Nobody()))
    time.follow(Course(Nobody()))
    loop.close()
    with pytest.raises(RuntimeError, match="closed"):
        loop.call_at(0, print)
    time.close()


def test_loop_has__ssock(loop: asyncio.AbstractEventLoop) -> None:
    """``_ssock`` is what other threads wake the loop with: it is not among what is waited for."""
    keeper = Nobody()
    inner: Any = loop
    ours, theirs = socket.socketpair()

    async def main() -> None:
        assert inner._ssock.fileno() in {key.fd for key in inner._selector.get_map().values()}
        assert [*keeper.descriptors()] == []
        loop.add_reader(ours, print)
        assert [*keeper.descriptors()] == [ours.fileno()]
        loop.remove_reader(ours)

    with ours, theirs:
        _run(loop, main, Course(keeper))


def test_what_io_has_brought_comes_before_what_is_due(loop: asyncio.AbstractEventLoop) -> None:
    """``_process_events`` hands on what ``select`` gave, and the loop takes an empty tuple."""
    order: list[str] = []
    ours, theirs = socket.socketpair()

    async def main() -> None:
        loop.add_reader(ours, lambda: order.append(ours.recv(1).decode()))
        loop.call_at(loop.time(), order.append, "timer")
        theirs.send(b"x")
        await asyncio.sleep(HOUR)
        loop.remove_reader(ours)

    with ours, theirs:
        _run(loop, main, Course(Nobody()))
    assert order == ["x", "timer"]


def test_calls_in_executors_are_counted(loop: asyncio.AbstractEventLoop) -> None:
    """``asyncio.to_thread`` asks the loop itself for ``run_in_executor``."""
    keeper = Nobody()
    counts: list[int] = []

    async def main() -> None:
        go = threading.Event()
        future = asyncio.ensure_future(asyncio.to_thread(go.wait))
        await asyncio.sleep(0)
        counts.append(keeper.calls())
        go.set()
        await future
        counts.append(keeper.calls())

    _run(loop, main, Course(keeper))
    assert counts == [1, 0]


def test_call_that_has_ended_is_counted_no_more(loop: asyncio.AbstractEventLoop) -> None:
    """Not even where nobody had to wait for its end, so that its callbacks are yet to come."""
    keeper = Nobody()
    counts: list[int] = []

    async def main() -> None:
        pool = _Done()
        await loop.run_in_executor(pool, int)  # type: ignore[arg-type]
        counts.append(keeper.calls())

    _run(loop, main, Course(keeper))
    assert counts == [0]


class _Done:
    """An executor whose calls have ended when they are given."""

    def submit(self, function: Callable[[], int]) -> Future[int]:
        future: Future[int] = Future()
        future.set_result(function())
        return future


async def _wait_once() -> bool:
    """Wait for a thread that sees the loop wait; whether `stacks` took that for a wait."""
    loop, thread = asyncio.get_running_loop(), threading.get_ident()
    done: asyncio.Future[bool] = loop.create_future()

    def look() -> None:
        while not loop.is_closed():
            frame = stacks.frame_of(thread)
            if frame is not None and frame.f_code.co_filename == selectors.__file__:
                loop.call_soon_threadsafe(done.set_result, stacks.is_waiting(frame))
                return

    watcher = threading.Thread(target=look)
    watcher.start()
    is_known = await done
    watcher.join()
    return is_known


@pytest.mark.parametrize("course", [None, Course(Nobody()), Skipping(Nobody(), Slept())])
def test_a_wait_is_known_by_its_frames(
    loop: asyncio.AbstractEventLoop, course: Course | None
) -> None:
    """Between ``select`` and ``_run_once`` stands what `stacks.is_waiting` knows, ours too."""
    forget, _ = asyncio_seam.around_waits(loop, lambda begins: None)
    known: list[bool] = []

    async def main() -> None:
        known.append(await _wait_once())

    if course is None:
        loop.run_until_complete(main())
    else:
        _run(loop, main, course)
    forget()
    assert known == [True]


# -- sleeps alone ----------------------------------------------------------------------------------


def test_sleep_calls__set_result_unless_cancelled(loop: asyncio.AbstractEventLoop) -> None:
    """A sleep is known by what ends it, and asyncio's ``sleep`` calls its argument ``delay``."""
    slept = Slept()

    async def main() -> None:
        await asyncio.sleep(HOUR)
        await asyncio.sleep(0)
        loop.call_later(HOUR, print).cancel()

    _run(loop, main, Skipping(Nobody(), slept))
    assert slept.calls == [(HOUR, "sleep")]


def test_timeout_has__task(loop: asyncio.AbstractEventLoop) -> None:
    """`asyncio.Timeout` knows its ``_task``: it does not fire for the sleep of another one."""

    async def sets(event: asyncio.Event) -> None:
        await asyncio.sleep(HOUR)
        event.set()

    async def main() -> None:
        event = asyncio.Event()
        task = asyncio.create_task(sets(event))
        async with asyncio.timeout(30):
            await event.wait()
        await task
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30):
                await asyncio.sleep(HOUR)

    _run(loop, main, Skipping(Nobody(), Slept()))


def test_a_long_timeout_beside_fast_sleeps(loop: asyncio.AbstractEventLoop) -> None:
    """``_scheduled`` is empty meanwhile, also for who notes the waits of the loop."""
    noted: list[bool] = []
    forget, _ = asyncio_seam.around_waits(loop, noted.append)

    async def main() -> None:
        async with asyncio.timeout(2 * HOUR):
            await _wait_once()

    _run(loop, main, Skipping(Nobody(), Slept()))
    forget()
    assert noted == []
