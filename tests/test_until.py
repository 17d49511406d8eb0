"""``until``: what threads bring about, what the loop does, and predicates, on every backend."""

from __future__ import annotations

import asyncio
import concurrent.futures
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import AsyncMock

import anyio
import anyio.abc
import anyio.lowlevel
import pytest
import trio

import anyrig
from anyrig import DidNotHappen, backends
from inner import BACKENDS

SOON = 0.01  # seconds that what does not come is waited for
PARAMETERS = [pytest.param(backends.BACKENDS[name].anyio_value(), id=name) for name in BACKENDS]
on_all = pytest.mark.parametrize("anyio_backend", PARAMETERS)
on_asyncio = pytest.mark.parametrize(
    "anyio_backend", [one for one in PARAMETERS if one.id != "trio"]
)
on_virtual = pytest.mark.parametrize(
    "anyio_backend", [one for one in PARAMETERS if one.id != "asyncio+uvloop"]
)
on_trio = pytest.mark.parametrize("anyio_backend", ["trio"])


@contextmanager
def thread_that(does: Callable[[], object], name: str = "worker") -> Iterator[threading.Thread]:
    """A thread that does this; it is joined at the end."""
    thread = threading.Thread(target=does, name=name)
    thread.start()
    yield thread
    thread.join()


# -- what threads bring about ----------------------------------------------------------------------


@on_all
async def test_event_that_a_thread_sets() -> None:
    """It comes back when a thread sets the event."""
    started = threading.Event()
    with thread_that(started.set):
        assert await anyrig.until(started) is True


@on_all
async def test_event_that_is_set_and_cleared() -> None:
    """An event that was set is not missed where it is cleared at once."""
    pulse, ready = threading.Event(), threading.Event()

    def beat() -> None:
        ready.wait()
        pulse.set()
        pulse.clear()

    async with anyio.create_task_group() as group:
        group.start_soon(_waits, pulse)
        await anyrig.settled()
        with thread_that(beat):
            ready.set()


async def _waits(what: threading.Event) -> None:
    assert await anyrig.until(what)


@on_all
async def test_event_that_a_task_sets(task_group: anyio.abc.TaskGroup) -> None:
    """A task of the same loop may set it as well, and several may wait."""
    event = threading.Event()
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(_waits, event)
        await anyrig.settled()
        event.set()


@on_all
async def test_what_is_there_already() -> None:
    """What has come before is given at once, also where there is no time."""
    event = threading.Event()
    event.set()
    assert await anyrig.until(event, timeout=0)
    future: concurrent.futures.Future[int] = concurrent.futures.Future()
    future.set_result(3)
    assert await anyrig.until(future, timeout=0) == 3
    ready = anyio.Event()
    ready.set()
    await anyrig.until(ready, timeout=0)
    assert await anyrig.until(lambda: "yes", timeout=0) == "yes"


@on_all
async def test_thread_ends() -> None:
    """It comes back when a thread has ended."""
    go = threading.Event()
    with thread_that(go.wait) as thread:
        async with anyio.create_task_group() as group:
            group.start_soon(anyrig.until, thread)
            await anyrig.settled()
            go.set()
        assert not thread.is_alive()
        await anyrig.until(thread)


@on_all
async def test_thread_that_was_not_started() -> None:
    """A thread that nobody started is the same error as to join it."""
    with pytest.raises(RuntimeError, match="cannot join thread before it is started"):
        await anyrig.until(threading.Thread())


@on_all
async def test_own_thread() -> None:
    """To wait for the thread that waits is a mistake."""
    with pytest.raises(ValueError, match="can't wait for its own end"):
        await anyrig.until(threading.current_thread())


@on_all
async def test_future_of_an_executor() -> None:
    """It gives the result of a call in a thread, or raises what that raised."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        assert await anyrig.until(pool.submit(sum, [1, 2])) == 3
        with pytest.raises(ZeroDivisionError):
            await anyrig.until(pool.submit(divmod, 1, 0))


@on_all
async def test_nothing_is_left_behind() -> None:
    """What was given up has nobody who waits for it, no callback and no thread."""
    event: Any = threading.Event()
    future: Any = concurrent.futures.Future()
    before = set(sys._current_frames())
    for what in (event, future):
        with pytest.raises(DidNotHappen):
            await anyrig.until(what, timeout=SOON)
        with anyio.move_on_after(SOON):
            await anyrig.until(what, timeout=60)
            raise AssertionError("it came")
    with pytest.raises(DidNotHappen):
        await anyrig.until(lambda: False, timeout=SOON)
    assert not event._cond._waiters
    assert not future._done_callbacks
    # trio's own thread for I/O may be new
    assert len(set(sys._current_frames()) - before) <= 1


@on_all
async def test_no_thread_of_threading_is_made() -> None:
    """Who counts the threads sees none of ours, while it waits."""
    counts: list[int] = []
    count = threading.active_count()
    event = threading.Event()

    def look() -> bool:
        counts.append(threading.active_count() - count)
        return len(counts) > 2

    async with anyio.create_task_group() as group:
        group.start_soon(anyrig.until, event)
        await anyrig.until(look)
        event.set()
    assert max(counts) <= 1  # trio's own


# -- what the loop does ----------------------------------------------------------------------------


@on_all
async def test_async_event(task_group: anyio.abc.TaskGroup) -> None:
    """An event of anyio's is waited for."""
    ready = anyio.Event()

    async def sets() -> None:
        await anyio.lowlevel.checkpoint()
        ready.set()

    task_group.start_soon(sets)
    await anyrig.until(ready)
    assert ready.is_set()


@on_trio
async def test_event_of_trio(task_group: anyio.abc.TaskGroup) -> None:
    """An event of trio's own is one."""
    ready = trio.Event()
    ready.set()
    await anyrig.until(ready)


@on_asyncio
async def test_things_of_asyncio() -> None:
    """An event, a future and a task of asyncio's give what they give."""
    ready = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.call_soon(ready.set)
    await anyrig.until(ready)
    future: asyncio.Future[int] = loop.create_future()
    loop.call_soon(future.set_result, 3)
    assert await anyrig.until(future) == 3

    async def fails() -> None:
        raise KeyError("task")

    with pytest.raises(KeyError, match="task"):
        await anyrig.until(asyncio.create_task(fails()))


@on_asyncio
async def test_task_goes_on() -> None:
    """A task that did not end in time is left alone."""
    task = asyncio.create_task(asyncio.sleep(3600))
    with pytest.raises(DidNotHappen, match="the Task `task` was not done"):
        await anyrig.until(task, timeout=SOON)
    assert not task.cancelling()
    task.cancel()


# -- predicates ------------------------------------------------------------------------------------


@on_all
async def test_predicate_that_a_task_makes_true(task_group: anyio.abc.TaskGroup) -> None:
    """It gives the first true value."""
    rows: list[int] = []

    async def fill() -> None:
        for row in range(3):
            await anyio.sleep(0)
            rows.append(row)

    task_group.start_soon(fill)
    assert await anyrig.until(lambda: len(rows) == 3 and rows) == [0, 1, 2]


@on_all
async def test_predicate_that_a_thread_makes_true() -> None:
    """What another thread changes is seen, though nothing wakes the loop."""
    rows: list[int] = []
    asked = threading.Event()

    def look() -> list[int]:
        asked.set()
        return rows

    def change() -> None:
        asked.wait()
        rows.append(1)

    with thread_that(change):
        assert await anyrig.until(look) == [1]


@pytest.mark.parametrize("anyio_backend", [one for one in PARAMETERS if one.id != "asyncio+uvloop"])
async def test_no_moment_is_missed(task_group: anyio.abc.TaskGroup) -> None:
    """What is true for one turn of the loop is seen."""
    state = ["off"]

    async def flashes() -> None:
        for _ in range(3):
            await anyio.lowlevel.checkpoint()
        state[0] = "on"
        await anyio.lowlevel.checkpoint()
        await anyio.lowlevel.checkpoint()
        state[0] = "off"

    task_group.start_soon(flashes)
    await anyrig.until(lambda: state[0] == "on")


@on_all
async def test_async_predicate() -> None:
    """A function that is async is awaited, each time."""
    asked: list[int] = []

    async def look() -> int | None:
        await anyio.lowlevel.checkpoint()
        asked.append(len(asked))
        return asked[-1] if len(asked) > 3 else None

    assert await anyrig.until(look) == 3
    assert len(asked) == 4


@on_all
@pytest.mark.parametrize("turn", [0, 2])
async def test_predicate_that_raises(turn: int) -> None:
    """What it raises is raised at once, the first time and later."""
    turns: list[int] = []

    def look() -> bool:
        turns.append(len(turns))
        if len(turns) > turn:
            raise KeyError(turn)
        return False

    with pytest.raises(KeyError) as caught:
        await anyrig.until(look)
    assert len(turns) == turn + 1
    assert caught.traceback[-1].name == "look"


@on_all
async def test_predicate_may_ask_the_loop() -> None:
    """It can ask what the loop can tell, as in a task."""
    seen: list[int] = []

    def look() -> bool:
        seen.append(len(anyio.get_running_tasks()))
        anyio.current_time()
        return len(seen) == 3

    await anyrig.until(look)
    assert len(set(seen)) == 1


@on_all
async def test_several_predicates() -> None:
    """Each has its own answer, in whichever order they come and go."""
    values: list[int] = []
    came: list[int] = []

    async def wait(number: int) -> None:
        await anyrig.until(lambda: len(values) > number)
        came.append(number)

    async with anyio.create_task_group() as group:
        for number in (2, 0, 1):
            group.start_soon(wait, number)
        await anyrig.settled()
        for number in range(3):
            values.append(number)
            await anyrig.until(lambda: len(came) == len(values))
    assert came == [0, 1, 2]


@on_virtual
async def test_change_in_the_turn_in_which_it_begins(clock: anyrig.Clock) -> None:
    """What runs right after it began is seen before time passes."""
    rows: list[int] = []

    async def fills() -> None:
        rows.append(1)

    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep, 10)
        group.start_soon(fills)
        await anyrig.until(lambda: rows)
        assert clock.time() == 0


# -- when it does not come -------------------------------------------------------------------------


async def _error(what: Any) -> list[str]:
    with pytest.raises(DidNotHappen) as caught:
        await anyrig.until(what, timeout=SOON)
    assert isinstance(caught.value, TimeoutError)
    return str(caught.value).splitlines()


@on_all
async def test_error_says_what_was_given_by_its_keyword() -> None:
    """The text is that of the argument, however it is passed."""
    rows: list[int] = []
    with pytest.raises(DidNotHappen, match=r"`len\(rows\) == 3` has not come true"):
        await anyrig.until(timeout=SOON, what=lambda: len(rows) == 3)


@on_all
async def test_error_says_what_there_was() -> None:
    """The predicate in its own words, its line, what it gave, and what it reads; then the tasks."""
    rows = ["a"]
    with pytest.raises(DidNotHappen) as caught:
        await anyrig.until(lambda: len(rows) == 3, timeout=SOON)
    told = str(caught.value).splitlines()
    assert told[0] == "`len(rows) == 3` has not come true within 0.01 s"
    assert "test_until.py:" in told[1]
    assert told[3:6] == ["it gave False", "  rows = ['a']", "the tasks:"]
    assert "the test and its fixtures" in told[6]


@on_all
async def test_error_of_a_thread_says_where_it_is() -> None:
    """The lines of the user's that the thread is in."""
    stop = threading.Event()

    def poll() -> None:
        stop.wait()

    with thread_that(poll, "poller") as thread:
        told = await _error(thread)
        stop.set()
    assert told[0] == "the thread `poller` has not ended within 0.01 s"
    assert told[3].endswith(" in poll")
    assert told[4] == ">   stop.wait()"


@on_all
async def test_error_of_an_event_and_a_future() -> None:
    """They have the name that the call has for them."""
    ready, started = anyio.Event(), threading.Event()
    answer: concurrent.futures.Future[None] = concurrent.futures.Future()
    with pytest.raises(DidNotHappen) as caught:
        await anyrig.until(started, timeout=SOON)
    told = str(caught.value).splitlines()
    assert told[0] == "the threading.Event `started` was not set within 0.01 s"
    with pytest.raises(DidNotHappen) as caught:
        await anyrig.until(answer, timeout=SOON)
    told = str(caught.value).splitlines()
    assert told[0] == "the concurrent.futures.Future `answer` was not done within 0.01 s"
    assert told[3] == "nobody has begun with it"
    with pytest.raises(DidNotHappen) as caught:
        await anyrig.until(ready, timeout=SOON)
    told = str(caught.value).splitlines()
    assert told[0] == "the Event `ready` has not come within 0.01 s"
    assert told[3] == "it is not set"


@on_all
async def test_repr_that_raises_is_no_error() -> None:
    """A value that can't be shown is told by its type."""

    class Bad:
        def __repr__(self) -> str:
            raise KeyError("no")

        def __bool__(self) -> bool:
            return False

    bad = Bad()
    with pytest.raises(DidNotHappen) as caught:
        await anyrig.until(lambda: bad, timeout=SOON)
    told = str(caught.value).splitlines()
    assert told[3].startswith("it gave <Bad instance at ")


# -- mistakes --------------------------------------------------------------------------------------


@on_all
async def test_answer_in_the_place_of_the_question() -> None:
    """A value says what to type instead."""
    rows: list[int] = []
    with pytest.raises(TypeError) as caught:
        await anyrig.until(len(rows) == 3)  # type: ignore[call-overload]
    assert "can't wait for False" in str(caught.value)
    assert "await until(lambda: len(rows) == 3)" in str(caught.value)


@on_all
async def test_coroutine_in_the_place_of_the_function() -> None:
    """A coroutine can't be asked twice; it is told once, and not as never awaited."""

    async def is_ready() -> bool:
        return True

    with pytest.raises(TypeError, match=r"await until\(is_ready\)"):
        await anyrig.until(is_ready())  # type: ignore[call-overload]


@on_all
@pytest.mark.parametrize("timeout", ["5", float("nan")])
async def test_time_that_is_none(timeout: Any) -> None:
    """A timeout is a number of seconds, or None."""
    with pytest.raises(ValueError, match="a number of seconds, or None"):
        await anyrig.until(threading.Event(), timeout=timeout)


# -- virtual time ----------------------------------------------------------------------------------


@on_virtual
async def test_thread_holds_virtual_time(clock: anyrig.Clock) -> None:
    """While a thread's doing is waited for no virtual time passes: the timeout is of real time."""
    event = threading.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep, 1000)
        with pytest.raises(DidNotHappen):
            await anyrig.until(event, timeout=SOON)
        assert clock.time() == 0
        with thread_that(event.set):
            await anyrig.until(event)
        assert clock.time() == 0
        group.cancel_scope.cancel()


@on_virtual
async def test_event_of_the_loop_in_virtual_time(clock: anyrig.Clock) -> None:
    """What the loop does has its timeout in the loop's time."""
    with pytest.raises(DidNotHappen):
        await anyrig.until(anyio.Event(), timeout=3600)
    assert clock.time() == 3600


@on_virtual
async def test_predicate_in_virtual_time(
    clock: anyrig.Clock, task_group: anyio.abc.TaskGroup
) -> None:
    """It is asked before each jump, so it is seen at the time at which it came true."""
    rows: list[int] = []

    async def fill() -> None:
        while True:
            await anyio.sleep(10)
            rows.append(len(rows))

    task_group.start_soon(fill)
    await anyrig.until(lambda: len(rows) == 3, timeout=60)
    assert (clock.time(), len(rows)) == (30, 3)
    with pytest.raises(DidNotHappen):
        await anyrig.until(lambda: len(rows) == 30, timeout=60)
    assert clock.time() == 90


@on_virtual
async def test_settled_takes_no_virtual_time(
    clock: anyrig.Clock, task_group: anyio.abc.TaskGroup
) -> None:
    """No time passes while all else settles."""
    task_group.start_soon(anyio.sleep, 1)
    await anyrig.settled()
    assert clock.time() == 0


# -- outside of the plugin -------------------------------------------------------------------------


@pytest.mark.parametrize("library", ["asyncio", "trio"])
def test_outside_of_the_plugin(library: str) -> None:
    """It needs no runner of the plugin's."""

    async def waits() -> str:
        event = threading.Event()
        with thread_that(event.set):
            await anyrig.until(event)
        return await anyrig.until(lambda: "there")

    assert anyio.run(waits, backend=library) == "there"


class _NeitherNor:
    """As an array: what it is true of can't be said."""

    def __bool__(self) -> bool:
        raise ValueError("neither true nor false")


@on_all
async def test_a_mock_is_a_predicate() -> None:
    """An `AsyncMock` has a ``wait``, as it has anything: it is called itself."""
    ready: Any = AsyncMock(side_effect=[None, 0, "ready"])
    assert await anyrig.until(ready, timeout=None) == "ready"
    assert ready.await_count == 3


@on_all
@pytest.mark.parametrize("before", [0, 1])
async def test_an_answer_that_is_neither_true_nor_false(before: int) -> None:
    """That it can't be judged (an array can't) is raised in the task, not in the loop."""
    answers = iter([*[None] * before, _NeitherNor()])
    with pytest.raises(ValueError, match="neither true nor false"):
        await anyrig.until(lambda: next(answers), timeout=None)
    await anyrig.settled()


@on_virtual
async def test_a_predicate_has_no_more_time_when_threads_have_ended(clock: anyrig.Clock) -> None:
    """Where the virtual time is over, it does not wait for so much real time."""
    clock.patience = 0
    go = threading.Event()

    def work() -> None:
        while not go.wait(60):
            pass

    def look() -> None:
        if clock.time() == 36_000:
            go.set()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        with pytest.raises(DidNotHappen):
            await anyrig.until(look, timeout=36_000)
    finally:
        go.set()
        thread.join()


@on_all
async def test_error_of_a_predicate_that_reads_what_is_not_there_yet() -> None:
    """A variable without a value is no second error."""
    found: list[str] = []
    with pytest.raises(DidNotHappen, match=r"it gave \[\]\n"):
        await anyrig.until(lambda: found and value, timeout=0)
    value: str = "later"
