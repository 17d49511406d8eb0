"""Random programs in virtual time: the same trace on each backend, and that of a model.

The model knows nothing of loops: it is written from what ``docs/clock.md`` promises.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from math import inf

import anyio
import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anyrig.backends import eager_event_loop
from anyrig.clock.course import Course
from anyrig.seams.asyncio_time import LoopTime
from anyrig.seams.trio_time import RunTime
from keepers import Nobody

TEST = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)

# -- programs --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sleep:
    """A sleep of so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Timeout:
    """A body that has so many seconds."""

    seconds: float
    body: Sequence[Step]


@dataclass(frozen=True)
class Group:
    """Bodies that run at once, and are cancelled after so many seconds."""

    seconds: float
    bodies: Sequence[Sequence[Step]]


Step = Sleep | Timeout | Group
Event = tuple[float, str, str]  # when, who, what

_times = st.integers(1, 12).map(lambda halves: halves / 2)


def _bodies(steps: st.SearchStrategy[Step]) -> st.SearchStrategy[list[Step]]:
    return st.lists(steps, min_size=1, max_size=4)


programs = _bodies(
    st.recursive(
        st.builds(Sleep, _times),
        lambda steps: st.one_of(
            st.builds(Timeout, _times, _bodies(steps)),
            st.builds(Group, st.one_of(_times, st.just(inf)), st.lists(_bodies(steps), max_size=3)),
        ),
        max_leaves=12,
    )
)
flat_programs = st.lists(st.lists(_times, min_size=1, max_size=6), min_size=1, max_size=6)


# -- the model -------------------------------------------------------------------------------------


def model(body: Iterable[Step], who: str, now: float, end: float) -> tuple[float, list[Event]]:
    """When a body ends that begins now and is cut off at the end, and what it tells until then.

    What is set first comes first: a timeout before a sleep in it that is over at the same moment.
    """
    log: list[Event] = []
    for number, step in enumerate(body):
        me = f"{who}.{number}"
        if isinstance(step, Sleep):
            if now + step.seconds >= end:
                return end, log
            now += step.seconds
            log.append((now, me, "slept"))
            continue
        inner = min(end, now + step.seconds)
        if isinstance(step, Timeout):
            finish, told = model(step.body, me, now, inner)
        else:
            runs = [model(one, f"{me}/{n}", now, inner) for n, one in enumerate(step.bodies)]
            finish = max((one for one, _ in runs), default=now)
            told = [event for _, events in runs for event in events]
        log += told
        if finish >= end:
            return end, log
        was_cut_off = finish >= inner
        now = finish
        log.append((now, me, "cut off" if was_cut_off else "over"))
    return now, log


def model_in_order(tasks: Sequence[Sequence[float]]) -> list[tuple[float, int]]:
    """Who wakes when, all in one order: by when it is due, and then by when it was set."""
    log, order = [], len(tasks)
    due = [(naps[0], number, number, 0) for number, naps in enumerate(tasks)]
    heapify(due)
    while due:
        now, _, task, nap = heappop(due)
        log.append((now, task))
        if nap + 1 < len(tasks[task]):
            order += 1
            heappush(due, (now + tasks[task][nap + 1], order, task, nap + 1))
    return log


# -- running ---------------------------------------------------------------------------------------


Main = Callable[[Course], Awaitable[None]]


def on_asyncio(main: Main) -> None:
    """Run it in virtual time on a loop of asyncio's."""
    _on_loop(main, asyncio.new_event_loop)


def on_eager(main: Main) -> None:
    """Run it on one whose tasks begin at once."""
    _on_loop(main, eager_event_loop)


def _on_loop(main: Main, factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    with asyncio.Runner(loop_factory=factory) as runner:
        time = LoopTime(runner.get_loop())

        async def run() -> None:
            course = Course(Nobody())
            time.follow(course)
            try:
                await main(course)
            finally:
                time.follow(None)

        runner.run(run())
        time.close()


def on_trio(main: Main) -> None:
    """Run it in virtual time on trio."""

    async def run() -> None:
        course, time = Course(Nobody()), RunTime()
        time.follow(course)
        try:
            await main(course)
        finally:
            time.follow(None)

    trio.run(run)


RUNS = [
    on_asyncio,
    pytest.param(
        on_eager,
        marks=pytest.mark.skipif(sys.version_info < (3, 12), reason="Python 3.12 has eager tasks"),
    ),
    on_trio,
]


class Actor:
    """Does what a program says, and tells it."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self.log: list[Event] = []

    async def do(self, body: Iterable[Step], who: str) -> None:
        """One body."""
        for number, step in enumerate(body):
            me = f"{who}.{number}"
            if isinstance(step, Sleep):
                await anyio.sleep(step.seconds)
                self._tell(me, "slept")
                continue
            with anyio.move_on_after(step.seconds) as scope:
                if isinstance(step, Timeout):
                    await self.do(step.body, me)
                else:
                    async with anyio.create_task_group() as group:
                        for n, one in enumerate(step.bodies):
                            group.start_soon(self.do, one, f"{me}/{n}")
            self._tell(me, "cut off" if scope.cancelled_caught else "over")

    def _tell(self, who: str, what: str) -> None:
        self.log.append((self._course.elapsed(), who, what))


# -- tests -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("run", RUNS)
@TEST
@given(program=programs)
def test_sleeps_timeouts_and_groups_are_those_of_the_model(
    run: Callable[[Main], None], program: list[Step]
) -> None:
    """Each task tells the same, at the same times, on every backend."""
    told: list[Event] = []

    async def main(course: Course) -> None:
        actor = Actor(course)
        await actor.do(program, "main")
        told.extend(actor.log)

    run(main)
    _, expected = model(program, "main", 0.0, inf)
    # what happens to several tasks at one moment has an order in each of them
    assert sorted(told) == sorted(expected)
    assert [when for when, *_ in told] == sorted(when for when, *_ in expected)


@pytest.mark.parametrize("run", RUNS)
@TEST
@given(tasks=flat_programs)
def test_sleeps_end_in_the_order_of_the_model(
    run: Callable[[Main], None], tasks: list[list[float]]
) -> None:
    """All of them in one order, also those that are due at the same moment."""
    told: list[tuple[float, int]] = []

    async def main(course: Course) -> None:
        async def nap(number: int, naps: list[float]) -> None:
            for seconds in naps:
                await anyio.sleep(seconds)
                told.append((course.elapsed(), number))

        async with anyio.create_task_group() as group:
            for number, naps in enumerate(tasks):
                group.start_soon(nap, number, naps)

    run(main)
    assert told == model_in_order(tasks)
