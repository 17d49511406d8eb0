"""The private names of a trio run's clock, its deadlines and the order of its tasks."""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from math import inf
from typing import Any

import pytest
import trio
import trio.testing
from trio._core import _run

from anyrig.clock.course import Course, Skipping
from anyrig.seams.trio_time import RunTime
from keepers import Nobody, Slept

HOUR = 3600.0


@asynccontextmanager
async def _following(course: Course, time: RunTime | None = None) -> AsyncGenerator[RunTime]:
    """The run that this is entered in follows a course meanwhile."""
    time = RunTime() if time is None else time
    time.follow(course)
    try:
        yield time
    finally:
        time.follow(None)


def _runner() -> Any:
    context: Any = _run.GLOBAL_RUN_CONTEXT
    return context.runner


def test_run_has_a_system_clock() -> None:
    """A run has a ``SystemClock`` unless it was given another one, which is not to be replaced."""

    async def main() -> bool:
        return RunTime().can_follow()

    assert trio.run(main)
    assert not trio.run(main, clock=trio.testing.MockClock())


def test_run_asks_runner_clock_and_deadlines() -> None:
    """``Runner.clock`` is asked for the time and for each wait, ``deadlines`` for what is due."""
    course = Course(Nobody())

    async def main() -> None:
        async with _following(course) as time:
            assert _runner().clock is time
            start = trio.current_time()
            await trio.sleep(HOUR)
            with trio.move_on_after(HOUR):
                await trio.sleep_forever()
            with pytest.raises(trio.TooSlowError), trio.fail_at(start + 3 * HOUR):
                await trio.sleep_forever()
            assert trio.current_time() == start + 3 * HOUR

    trio.run(main)
    assert course.elapsed() == 3 * HOUR


def test_scope_has__registered_deadline() -> None:
    """A deadline that was changed is known to be old: a scope says which one counts."""
    course = Course(Nobody())

    async def main() -> None:
        async with _following(course):
            with trio.CancelScope(deadline=trio.current_time() + 1) as scope:
                assert scope._registered_deadline == scope.deadline
                scope.deadline += HOUR
                await trio.sleep(30)
                assert not scope.cancel_called
                await trio.sleep_forever()
            assert scope._registered_deadline == inf
            # a scope that many deadlines were set for goes once
            with trio.CancelScope() as scope:
                for number in range(1000):
                    scope.deadline = trio.current_time() + 1 + number % 2
                await trio.sleep_forever()

    trio.run(main)
    assert course.elapsed() == 1 + HOUR + 2


def test_deadlines_have_a__heap() -> None:
    """What was set before is taken over, without what was changed since."""
    course = Course(Nobody())

    async def main() -> None:
        woken: list[int] = []

        async def sleep(seconds: int) -> None:
            await trio.sleep(seconds)
            woken.append(seconds)

        with trio.CancelScope(deadline=trio.current_time() + 60) as scope:
            scope.deadline = inf
            async with trio.open_nursery() as nursery:
                for seconds in (300, 100, 200):
                    nursery.start_soon(sleep, seconds)
                await trio.testing.wait_all_tasks_blocked()
                assert len(_runner().deadlines._heap) >= 3
                async with _following(course):
                    await trio.sleep(400)
            assert woken == [100, 200, 300]

    trio.run(main)


def test_time_never_runs_back() -> None:
    """The run's clock goes on from where virtual time was, and keeps its deadlines."""

    async def main() -> None:
        before = trio.current_time()
        async with _following(Course(Nobody())) as time:
            await trio.sleep(HOUR)
        assert _runner().clock is time
        assert trio.current_time() >= before + HOUR
        await trio.sleep(0.001)
        async with _following(Course(Nobody()), time):
            await trio.sleep(HOUR)
        assert trio.current_time() >= before + 2 * HOUR

    trio.run(main)


def test_run_keeps_the_order_of_what_is_ready() -> None:
    """``_r.random`` turns each batch about or not, and ``_r`` is what trio had afterwards."""
    module: Any = _run
    before = module._r, module._ALLOW_DETERMINISTIC_SCHEDULING
    order: list[int] = []

    async def note(number: int) -> None:
        for _ in range(3):
            await trio.lowlevel.checkpoint()
            order.append(number)

    async def main() -> None:
        async with _following(Course(Nobody())):
            async with trio.open_nursery() as nursery:
                for number in range(20):
                    nursery.start_soon(note, number)
            assert module._r.uniform(1, 1) == 1  # the rest of a `random.Random` is there

    trio.run(main)
    assert order == [*range(20)] * 3
    assert (module._r, module._ALLOW_DETERMINISTIC_SCHEDULING) == before


def test_other_order_is_off_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """``_ALLOW_DETERMINISTIC_SCHEDULING``, which pytest-trio sets, would sort and shuffle."""
    monkeypatch.setattr(_run, "_ALLOW_DETERMINISTIC_SCHEDULING", True)
    test_run_keeps_the_order_of_what_is_ready()
    module: Any = _run
    assert module._ALLOW_DETERMINISTIC_SCHEDULING


def test_deadlines_due_together_go_in_the_order_in_which_they_were_set() -> None:
    """trio's own order is that of their addresses."""
    order: list[int] = []

    async def sleep_until(when: float, number: int) -> None:
        await trio.sleep_until(when)
        order.append(number)

    async def main() -> None:
        async with _following(Course(Nobody())), trio.open_nursery() as nursery:
            when = trio.current_time() + HOUR
            for number in range(50):
                nursery.start_soon(sleep_until, when, number)

    trio.run(main)
    assert order == list(range(50))


def test_who_waits_for_all_to_be_blocked_holds_the_time() -> None:
    """``waiting_for_idle`` has those in `trio.testing.wait_all_tasks_blocked`."""
    course = Course(Nobody())

    async def main() -> None:
        async with _following(course), trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, HOUR)
            await trio.testing.wait_all_tasks_blocked()
            assert course.elapsed() == 0
            await trio.testing.wait_all_tasks_blocked(0.001)
            assert course.elapsed() == 0

    trio.run(main)
    assert course.elapsed() == HOUR


def test_io_is_polled_before_the_time_jumps() -> None:
    """What the poll has brought stands in ``runq`` when the clock is asked again."""
    course = Course(Nobody())

    async def main() -> None:
        ours, theirs = trio.socket.socketpair()
        with ours, theirs:
            async with _following(course):
                await theirs.send(b"x")
                with trio.fail_after(30):
                    await trio.lowlevel.wait_readable(ours)
                assert course.elapsed() == 0

    trio.run(main)


def test_pauses_are_real_and_the_time_stands_still() -> None:
    """trio asks once more after each wait that has brought nothing."""
    keeper = Nobody(0.001, 0.001)
    course = Course(keeper)

    async def main() -> None:
        async with _following(course):
            await trio.sleep(HOUR)

    trio.run(main)
    assert (keeper.pauses, course.elapsed()) == ([], HOUR)


def test_run_has_a_wakeup_sock_and__registered() -> None:
    """The I/O manager says what is waited for, with what other threads wake the run with."""
    keeper = Nobody()

    async def main() -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            async with _following(Course(keeper)), trio.open_nursery() as nursery:
                await trio.testing.wait_all_tasks_blocked()
                own = _runner().entry_queue.wakeup.wakeup_sock.fileno()
                assert own in _runner().io_manager._registered
                assert [*keeper.descriptors()] == []
                nursery.start_soon(trio.lowlevel.wait_readable, ours)
                await trio.testing.wait_all_tasks_blocked()
                assert [*keeper.descriptors()] == [ours.fileno()]
                theirs.send(b"x")

    trio.run(main)


# -- sleeps alone ----------------------------------------------------------------------------------


def test_sleeps_open_their_scope_in_sleep_until() -> None:
    """A sleep is known by trio's ``sleep_until``, and `trio.sleep` has ``seconds``."""
    slept = Slept()

    async def main() -> None:
        async with _following(Skipping(Nobody(), slept)):
            await trio.sleep(HOUR)
            await trio.sleep_until(trio.current_time() + HOUR)
            with trio.move_on_after(0.001):
                await trio.sleep_forever()

    trio.run(main)
    assert slept.calls == [(HOUR, "sleep"), (None, "sleep_until")]


def test_a_scope_knows_its_tasks() -> None:
    """``_cancel_status._tasks`` are those in a scope: a timeout counts for its own sleepers."""

    async def main() -> None:
        async with _following(Skipping(Nobody(), Slept())):
            event = trio.Event()

            async def sets() -> None:
                await trio.sleep(HOUR)
                event.set()

            async with trio.open_nursery() as nursery:
                nursery.start_soon(sets)
                with trio.fail_after(30):
                    await event.wait()
            with pytest.raises(trio.TooSlowError), trio.fail_after(30):
                await trio.sleep(HOUR)

    trio.run(main)


class _Turns(trio.abc.Instrument):
    """Cancels what turns without rest."""

    def __init__(self) -> None:
        self.count = 0
        self.scope = trio.CancelScope()

    def before_io_wait(self, timeout: float) -> None:
        self.count += 1
        if self.count > 1000:
            self.scope.cancel()


def test_sleeps_end_with_the_course_that_noted_them() -> None:
    """One that goes on when its course is left is no sleep of the next, which has to jump."""
    course, turns = Course(Nobody()), _Turns()

    async def main() -> None:
        with turns.scope:
            async with trio.open_nursery() as nursery:
                async with _following(Skipping(Nobody(), Slept())) as time:
                    nursery.start_soon(trio.sleep, HOUR)
                    # it has set its deadline, and the run has not turned since
                    await trio.lowlevel.checkpoint()
                async with _following(course, time):
                    with trio.move_on_after(30):
                        await trio.sleep_forever()
                nursery.cancel_scope.cancel()

    trio.run(main, instruments=[turns])
    assert not turns.scope.cancel_called
    assert course.elapsed() == 30
