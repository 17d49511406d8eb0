"""Random programs of sleeps, timeouts and cancellations do what a pure model of time predicts.

The model knows no event loop: it is written from the promises of the docs. As each backend does
what it says, they all do the same.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count

import anyio
import anyio.abc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anyrig import Clock, backends
from inner import BACKENDS

PARAMETERS = [
    pytest.param(backends.BACKENDS[name].anyio_value(), id=name)
    for name in BACKENDS
    if name != "asyncio+uvloop"
]
on_all = pytest.mark.parametrize("anyio_backend", PARAMETERS)
some = settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    # the clock goes on from program to program
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

QUARTERS = st.integers(1, 20).map(lambda number: number / 4)


# -- sleeps: the order of all ----------------------------------------------------------------------


@dataclass(frozen=True)
class Sleep:
    """Sleep for so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Spawn:
    """Start a task that does this."""

    steps: tuple[Sleep | Spawn, ...]


Sleeps = tuple[Sleep | Spawn, ...]
# a moment, the number of a task in the order of their beginnings, and how many steps it has done
Seen = tuple[float, int, int]

SLEEPS: st.SearchStrategy[Sleeps] = st.recursive(
    st.lists(QUARTERS.map(Sleep), max_size=5).map(tuple),
    lambda steps: st.lists(QUARTERS.map(Sleep) | steps.map(Spawn), max_size=5).map(tuple),
    max_leaves=12,
)


async def sleeps_on_a_loop(program: list[Sleeps], clock: Clock) -> list[Seen]:
    """What tasks see that do this."""
    start, numbers, seen = clock.time(), count(), list[Seen]()

    async def run(steps: Sleeps, group: anyio.abc.TaskGroup) -> None:
        number = next(numbers)
        seen.append((clock.time() - start, number, 0))
        for done, step in enumerate(steps, 1):
            if isinstance(step, Sleep):
                await anyio.sleep(step.seconds)
            else:
                group.start_soon(run, step.steps, group)
            seen.append((clock.time() - start, number, done))

    async with anyio.create_task_group() as group:
        for steps in program:
            group.start_soon(run, steps, group)
    return seen


def sleeps_in_theory(program: list[Sleeps]) -> list[Seen]:
    """First come, first served: who is ready runs till it sleeps; then the time is the next one's.

    So does a task that was started; those of anyio's task groups are never eager.
    """
    now, numbers, order, seen = 0.0, count(), count(), list[Seen]()
    timers: list[tuple[float, int, tuple[int, int, Sleeps]]] = []
    ready: deque[tuple[int | None, int, Sleeps]] = deque()

    def run(number: int | None, done: int, steps: Sleeps) -> None:
        number = next(numbers) if number is None else number
        seen.append((now, number, done))
        while done < len(steps):
            step, done = steps[done], done + 1
            if isinstance(step, Sleep):
                heappush(timers, (now + step.seconds, next(order), (number, done, steps)))
                return
            ready.append((None, 0, step.steps))
            seen.append((now, number, done))

    ready.extend((None, 0, steps) for steps in program)
    while ready or timers:
        while ready:
            run(*ready.popleft())
        if timers:
            now = timers[0][0]
            while timers and timers[0][0] == now:
                ready.append(heappop(timers)[2])
    return seen


@on_all
@some
@given(program=st.lists(SLEEPS, min_size=1, max_size=6))
async def test_sleeps_end_in_the_order_that_the_model_says(
    clock: Clock, program: list[Sleeps]
) -> None:
    """Who wakes when, and in which order all do, is known beforehand."""
    assert await sleeps_on_a_loop(program, clock) == sleeps_in_theory(program)


# -- timeouts and cancellations: what each task sees -----------------------------------------------


@dataclass(frozen=True)
class Timeout:
    """Do this for so many seconds at most."""

    seconds: float
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Shield:
    """Do this, which no timeout and nobody cancels."""

    steps: tuple[Step, ...]


@dataclass(frozen=True)
class CleanUp:
    """Do this, and sleep at its end, whatever comes."""

    steps: tuple[Step, ...]
    seconds: float


Step = Sleep | Timeout | Shield | CleanUp
STEPS: st.SearchStrategy[tuple[Step, ...]] = st.recursive(
    st.lists(QUARTERS.map(Sleep), min_size=1, max_size=3).map(tuple),
    lambda steps: st.lists(
        QUARTERS.map(Sleep)
        | st.builds(Timeout, QUARTERS, steps)
        | st.builds(Shield, steps)
        | st.builds(CleanUp, steps, QUARTERS),
        min_size=1,
        max_size=3,
    ).map(tuple),
    max_leaves=8,
)
# a task, and when somebody cancels it: never in the moment of a timer of its own, for which of the
# two is first is not the same everywhere
TASKS = st.tuples(STEPS, st.none() | st.integers(1, 30).map(lambda number: number / 4 + 0.125))
Events = list[tuple[float, str]]


async def on_a_loop(
    program: list[tuple[tuple[Step, ...], float | None]], clock: Clock
) -> list[Events]:
    """What each task sees that does this."""
    start = clock.time()

    async def run(steps: tuple[Step, ...], events: Events, scope: anyio.CancelScope) -> None:
        def note(event: str) -> None:
            events.append((clock.time() - start, event))

        async def do(steps: tuple[Step, ...]) -> None:
            for step in steps:
                match step:
                    case Sleep(seconds):
                        await anyio.sleep(seconds)
                        note("slept")
                    case Timeout(seconds, inner):
                        with anyio.move_on_after(seconds) as timeout:
                            await do(inner)
                        note("late" if timeout.cancelled_caught else "in time")
                    case Shield(inner):
                        with anyio.CancelScope(shield=True):
                            await do(inner)
                        note("shielded")
                    case CleanUp(inner, seconds):
                        try:
                            await do(inner)
                        finally:
                            with anyio.CancelScope(shield=True):
                                await anyio.sleep(seconds)
                            note("cleaned up")

        with scope:
            await do(steps)
        note("cancelled" if scope.cancelled_caught else "done")

    async def cancel(at: float, scope: anyio.CancelScope) -> None:
        await anyio.sleep(at)
        scope.cancel()

    seen: list[Events] = []
    async with anyio.create_task_group() as group:
        for steps, cancelled_at in program:
            events, scope = Events(), anyio.CancelScope()
            seen.append(events)
            group.start_soon(run, steps, events, scope)
            if cancelled_at is not None:
                group.start_soon(cancel, cancelled_at, scope)
    return seen


class Ended(Exception):
    """A scope that is open ends what is in it."""


class Theory:
    """One task: its time, and what the scopes around it let it do."""

    def __init__(self, cancelled_at: float | None) -> None:
        self.now = 0.0
        self.events: Events = []
        # when each open scope is cancelled, from the outermost in; None is a shield
        self.scopes: list[float | None] = [float("inf") if cancelled_at is None else cancelled_at]

    def visible(self) -> list[float]:
        """When the scopes are cancelled that no shield keeps out."""
        seen: list[float] = []
        for scope in reversed(self.scopes):
            if scope is None:
                break
            seen.append(scope)
        return seen

    def run(self, steps: tuple[Step, ...]) -> Events:
        """What the task sees."""
        try:
            self.do(steps)
            self.note("done")
        except Ended:
            self.note("cancelled")
        return self.events

    def note(self, event: str) -> None:
        self.events.append((self.now, event))

    def sleep(self, seconds: float) -> None:
        """A deadline that comes at the end of a sleep was set before it, and is first."""
        first = min(self.visible(), default=float("inf"))
        if first <= self.now + seconds:
            self.now = max(self.now, first)
            raise Ended
        self.now += seconds

    def do(self, steps: tuple[Step, ...]) -> None:
        for step in steps:
            match step:
                case Sleep(seconds):
                    self.sleep(seconds)
                    self.note("slept")
                case Timeout(seconds, inner):
                    self.note("late" if self.is_late(seconds, inner) else "in time")
                case Shield(inner):
                    self.scopes.append(None)
                    self.do(inner)
                    self.scopes.pop()
                    self.note("shielded")
                case CleanUp(inner, seconds):
                    try:
                        self.do(inner)
                    finally:
                        self.now += seconds
                        self.note("cleaned up")

    def is_late(self, seconds: float, inner: tuple[Step, ...]) -> bool:
        """Whether a timeout ends what is in it; one further out goes first."""
        depth = len(self.scopes)
        self.scopes.append(self.now + seconds)
        try:
            self.do(inner)
        except Ended:
            del self.scopes[depth:]
            if any(scope <= self.now for scope in self.visible()):
                raise
            return True
        self.scopes.pop()
        return False


@on_all
@some
@given(program=st.lists(TASKS, min_size=1, max_size=5))
async def test_timeouts_and_cancellations_do_what_the_model_says(
    clock: Clock, program: list[tuple[tuple[Step, ...], float | None]]
) -> None:
    """When each sleep, timeout and cancellation comes to each task is known beforehand."""
    expected = [Theory(cancelled_at).run(steps) for steps, cancelled_at in program]
    assert await on_a_loop(program, clock) == expected
