"""Random programs of calls of one double: each call's record is that of a model.

The model knows nothing of loops and threads: it is written from what ``docs/mocks.md`` promises.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anyrig import mocks as am

TEST = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
BACKENDS = {"asyncio": "CancelledError", "trio": "Cancelled"}  # and what a cancelled call raises


class Odd(Exception):
    """What a call raises."""


# -- programs --------------------------------------------------------------------------------------

ACTIONS = [
    "await",  # calls and awaits
    "drop",  # calls, and closes the coroutine
    "twice",  # awaits a coroutine that has been awaited
    "hand",  # calls, and another task awaits
    "cancelled",  # awaits in a scope that is cancelled already
    "cut",  # is cancelled in the middle of the side effect
]
IN_THREADS = [
    "thread calls",  # a thread calls, the task awaits
    "thread runs",  # a thread calls, and awaits in a loop of its own
    "from thread",  # a thread has the loop call and await
]


@dataclass(frozen=True)
class Step:
    """One action, whose call raises so many times before it returns; an error is retried."""

    action: str
    errors: int


def steps(*actions: str) -> st.SearchStrategy[Step]:
    """Steps of these actions; what does not get to the side effect has no errors."""
    clean = [one for one in actions if one in ("drop", "cut", "cancelled")]
    rest = [one for one in actions if one not in clean]
    return st.one_of(
        st.builds(Step, st.sampled_from(rest), st.integers(0, 2)),
        *([st.builds(Step, st.sampled_from(clean), st.just(0))] if clean else []),
    )


bodies = st.lists(st.lists(steps(*ACTIONS), min_size=1, max_size=4), min_size=1, max_size=6)
bodies_with_threads = st.lists(
    st.lists(steps(*ACTIONS, *IN_THREADS, *IN_THREADS), min_size=1, max_size=3),
    min_size=1,
    max_size=4,
)

Key = tuple[int, int]  # the task's number, the step's number


def program(bodies: Sequence[Sequence[Step]], tasks: int) -> dict[Key, Step]:
    """The steps of so many tasks, which go through the bodies in turn."""
    return {
        (task, number): step
        for task in range(tasks)
        for number, step in enumerate(bodies[task % len(bodies)])
    }


# -- the model -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fate:
    """What is on record of a call, its key first."""

    key: Key
    awaited: bool
    task: str | None
    outcome: str | None


def model(key: Key, step: Step, cancelled: str, *, checkpoint: bool) -> Iterator[Fate]:
    """The calls that a step makes, in their order."""
    me = f"task {key[0]}"
    if step.action == "drop":
        yield Fate(key, awaited=False, task=None, outcome=None)
        return
    task = {"hand": f"{me} hand", "thread runs": f"{me} loop", "from thread": "?"}
    for _ in range(step.errors):
        yield Fate(key, awaited=True, task=task.get(step.action, me), outcome="Odd")
    is_cut = step.action == "cut" or (step.action == "cancelled" and checkpoint)
    outcome = cancelled if is_cut else "returned"
    yield Fate(key, awaited=True, task=task.get(step.action, me), outcome=outcome)


# -- running ---------------------------------------------------------------------------------------


@dataclass
class Actor:
    """Does what a program says, with one double."""

    program: dict[Key, Step]
    checkpoint: bool
    double: Any = None
    left: Counter[Key] = field(default_factory=Counter)  # the errors that a key has still to raise
    scopes: dict[Key, anyio.CancelScope] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.left.update({key: step.errors for key, step in self.program.items()})
        self.double = am.stub("double", checkpoint=self.checkpoint, side_effect=self.effect)

    async def effect(self, key: Key) -> Key:
        """What a call does: the errors that its key has left, then its key."""
        if key in self.scopes:
            self.scopes[key].cancel()
            await anyio.sleep_forever()
        if self.left[key]:
            self.left[key] -= 1
            raise Odd
        return key

    async def run(self) -> None:
        """All tasks at once."""
        async with anyio.create_task_group() as self.group:
            for task in sorted({task for task, _ in self.program}):
                self.group.start_soon(self.work, task, name=f"task {task}")

    async def work(self, task: int) -> None:
        """One task: each step until it does not raise."""
        for key, step in self.program.items():
            if key[0] == task:
                for _ in range(step.errors + 1):
                    with contextlib.suppress(Odd):
                        await self.act(step.action, key)

    async def act(self, action: str, key: Key) -> None:
        """One call."""
        if action == "drop":
            self.double(key).close()
        elif action == "hand":
            done = anyio.Event()
            self.group.start_soon(self.hand, self.double(key), done, name=f"task {key[0]} hand")
            await done.wait()
        elif action in ("cancelled", "cut"):
            with anyio.CancelScope() as scope:
                if action == "cut":
                    self.scopes[key] = scope
                else:
                    scope.cancel()
                assert await self.double(key) == key
        elif action == "thread calls":
            made: list[Any] = []  # trio takes no coroutine for what a thread gives
            await anyio.to_thread.run_sync(lambda: made.append(self.double(key)))
            assert await made[0] == key
        elif action == "thread runs":
            await anyio.to_thread.run_sync(lambda: asyncio.run(self.in_own_loop(key)))
        elif action == "from thread":
            await anyio.to_thread.run_sync(anyio.from_thread.run, self.double, key)
        else:
            coroutine = self.double(key)
            assert await coroutine == key
            if action == "twice":
                with pytest.raises(RuntimeError, match="already awaited"):
                    await coroutine

    async def hand(self, coroutine: Any, done: anyio.Event) -> None:
        """What another task awaits."""
        with contextlib.suppress(Odd):
            await coroutine
        done.set()

    async def in_own_loop(self, key: Key) -> None:
        """A call in a loop of a thread's own."""
        task = asyncio.current_task()
        assert task is not None
        task.set_name(f"task {key[0]} loop")
        assert await self.double(key) == key


def fates(double: Any, program: dict[Key, Step]) -> list[Fate]:
    """What is on record; whose task an anyio call from a thread is, is anyio's own."""
    found = []
    for call in am.calls(double):
        (key,) = call.args
        task = "?" if program[key].action == "from thread" and call.task else call.task
        found.append(Fate(key, call.awaited, task, call.outcome))
    return found


def by_key(fates: Sequence[Fate]) -> dict[Key, list[Fate]]:
    """The calls of each step, in their order; steps of several tasks have no order."""
    return {key: [one for one in fates if one.key == key] for key in {one.key for one in fates}}


def check(backend: str, program: dict[Key, Step], *, checkpoint: bool) -> tuple[Any, list[Fate]]:
    """Run it; the double, and what the model says of its calls."""
    actor = Actor(program, checkpoint)
    anyio.run(actor.run, backend=backend)
    expected = [
        fate
        for key, step in program.items()
        for fate in model(key, step, BACKENDS[backend], checkpoint=checkpoint)
    ]
    told = fates(actor.double, program)
    assert Counter(told) == Counter(expected)
    grouped = by_key(expected)
    assert all(calls == grouped[key] for key, calls in by_key(told).items())
    return actor.double, expected


def passes(assertion: Callable[..., None], *arguments: Any, **more: Any) -> bool:
    """Whether an assertion holds."""
    try:
        assertion(*arguments, **more)
    except AssertionError:
        return False
    return True


# -- tests -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
@TEST
@given(bodies=bodies, tasks=st.integers(1, 100), checkpoint=st.booleans())
def test_records_are_those_of_the_model(
    backend: str, bodies: list[list[Step]], tasks: int, checkpoint: bool
) -> None:
    """Each call of up to a hundred tasks is one record: awaited or not, by whom, its outcome."""
    double, expected = check(backend, program(bodies, tasks), checkpoint=checkpoint)
    assert double.call_count == len(expected)
    assert double.await_count == sum(fate.awaited for fate in expected)


@pytest.mark.parametrize("backend", BACKENDS)
@settings(TEST, max_examples=25)
@given(bodies=bodies_with_threads, tasks=st.integers(1, 12), checkpoint=st.booleans())
def test_records_of_threads_are_those_of_the_model(
    backend: str, bodies: list[list[Step]], tasks: int, checkpoint: bool
) -> None:
    """Threads that call, and those that await, change nothing in that, and no count is lost."""
    double, expected = check(backend, program(bodies, tasks), checkpoint=checkpoint)
    assert double.call_count == len(double.call_args_list) == len(expected)
    awaited = [fate.key for fate in expected if fate.awaited]
    assert double.await_count == len(awaited)
    assert Counter(call.args[0] for call in double.await_args_list) == Counter(awaited)


@pytest.mark.parametrize("backend", BACKENDS)
@TEST
@given(bodies=bodies, tasks=st.integers(1, 6), checkpoint=st.booleans())
def test_assertions_agree_with_the_model(
    backend: str, bodies: list[list[Step]], tasks: int, checkpoint: bool
) -> None:
    """Each assertion about calls holds where the model's calls were awaited."""
    double, expected = check(backend, program(bodies, tasks), checkpoint=checkpoint)
    all_awaited = all(fate.awaited for fate in expected)
    count = sum(fate.awaited for fate in expected)
    assert passes(double.assert_all_awaited) is all_awaited
    assert passes(double.assert_no_pending) is all_awaited
    assert passes(double.assert_called) is all_awaited
    assert passes(double.assert_called_once) is (all_awaited and len(expected) == 1)
    assert passes(double.assert_awaited) is (count > 0)
    assert passes(double.assert_awaited_once) is (count == 1)
    assert passes(double.assert_not_awaited) is (count == 0)
    last = am.calls(double)[-1]
    assert passes(double.assert_called_with, *last.args) is last.awaited
    grouped = by_key(expected)
    for key, calls in grouped.items():
        awaited = [fate.awaited for fate in calls]
        assert passes(double.assert_any_call, key) is any(awaited)
        assert passes(double.assert_any_await, key) is any(awaited)
        assert passes(double.assert_called_once_with, key) is (all_awaited and len(expected) == 1)
        of_key = [am.call(key)] * len(calls)
        assert passes(double.assert_has_calls, of_key, any_order=True) is all(awaited)
        more = [am.call(key)] * (sum(awaited) + 1)
        assert not passes(double.assert_has_awaits, more, any_order=True)
    assert passes(double.assert_has_calls, [am.call(key) for key in grouped], any_order=True) is (
        all_awaited
    )


@pytest.mark.parametrize("backend", BACKENDS)
@TEST
@given(
    effects=st.lists(st.one_of(st.integers(), st.just(Odd()), st.just(Odd)), max_size=30),
    tasks=st.integers(1, 100),
    checkpoint=st.booleans(),
)
def test_a_list_of_effects_is_used_up_once(
    backend: str, effects: list[Any], tasks: int, checkpoint: bool
) -> None:
    """However many tasks try until it returns, each effect happens once, and then nothing is left.

    An error is retried, and what is used up is not.
    """
    double = am.stub("double", checkpoint=checkpoint, side_effect=effects)
    given: list[int] = []

    async def tries() -> None:
        while True:
            try:
                given.append(await double())
            except Odd:
                continue
            except StopAsyncIteration:
                pass
            return

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for number in range(tasks):
                group.start_soon(tries, name=f"task {number}")

    anyio.run(main, backend=backend)
    values = [value for value in effects if isinstance(value, int)]
    used = values[:tasks]
    # each task ends with a value, or as it finds nothing left
    assert given == used
    outcomes = Counter(call.outcome for call in am.calls(double))
    assert outcomes["returned"] == len(used)
    assert outcomes["StopAsyncIteration"] == tasks - len(used)
    errors = len(effects) - len(values)
    assert outcomes["Odd"] == errors or len(values) >= tasks
    assert double.call_count == double.await_count == outcomes.total()
    double.assert_called()


def test_no_count_is_lost_to_threads() -> None:
    """Where threads call at once, each call and each await is counted; stock mocks lose some."""
    double = am.stub("double", checkpoint=False)

    def calls() -> None:
        for _ in range(400):
            with pytest.raises(StopIteration):
                double().send(None)

    threads = [threading.Thread(target=calls) for _ in range(8)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert double.call_count == double.await_count == len(am.calls(double)) == 3200
