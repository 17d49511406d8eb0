"""The private names of asyncio's callbacks and task groups."""

from __future__ import annotations

import asyncio
import math
import socket
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from anyrig.backends import BACKENDS
from anyrig.seams import asyncio as asyncio_seam
from anyrig.seams.asyncio import aborted_groups, errors_of, idle_descriptor, loop_of
from support import run


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop that does not run."""
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def test_handle_has__loop(loop: asyncio.AbstractEventLoop) -> None:
    """A callback's ``asyncio.Handle`` knows its loop by ``_loop``."""
    handle: Any = loop.call_soon(print)
    assert handle._loop is loop


def test_loop_of_a_callback(loop: asyncio.AbstractEventLoop) -> None:
    """The loop is told of what is to be called soon, and of what is to be called later."""
    assert loop_of(loop.call_soon(print)) is loop
    assert loop_of(loop.call_later(9, print)) is loop


def test_loop_of_a_handle_that_does_not_say(loop: asyncio.AbstractEventLoop) -> None:
    """Where the handle holds something else, or nothing, no loop is told."""
    handle: Any = loop.call_soon(print)
    handle._loop = "something else"
    assert loop_of(handle) is None
    del handle._loop
    assert loop_of(handle) is None


async def _fail() -> None:
    raise KeyError("one")


async def _in_a_group() -> None:
    task = asyncio.current_task()
    assert task is not None
    async with asyncio.TaskGroup() as group:
        assert aborted_groups(task) == []
        group.create_task(_fail())
        with pytest.raises(asyncio.CancelledError):
            await asyncio.sleep(9)
        assert aborted_groups(task) == [group]
        (error,) = errors_of(group)
        assert isinstance(error, KeyError)


async def _left() -> None:
    task = asyncio.current_task()
    assert task is not None
    group = asyncio.TaskGroup()

    async def enters() -> None:
        async with group:
            group.create_task(_fail())
            await asyncio.sleep(9)

    with pytest.raises(ExceptionGroup):
        await enters()
    assert aborted_groups(task) == []
    assert group is not None


def test_group_has__parent_task__aborting__errors() -> None:
    """An open ``asyncio.TaskGroup`` has ``_parent_task``, ``_aborting`` and ``_errors``."""
    with pytest.raises(ExceptionGroup):
        asyncio.run(_in_a_group())


def test_a_group_that_was_left_is_not_open() -> None:
    """``_errors`` of a group that was left are gone, or its ``_parent_task`` is."""
    asyncio.run(_left())


@pytest.mark.anyrig(leaked_tasks="off")
def test_run_calls__cancel_all_tasks() -> None:
    """``asyncio.runners._cancel_all_tasks`` ends what ``asyncio.run`` leaves, and is noted."""
    noted: list[str] = []

    async def main() -> None:
        for name in ("left", "cancelled", "about to end"):
            waits = asyncio.sleep(0) if name == "about to end" else asyncio.Event().wait()
            task = asyncio.create_task(waits, name=name)
            if name == "cancelled":
                task.cancel()

    before = asyncio.runners._cancel_all_tasks  # type: ignore[attr-defined]
    with asyncio_seam.noting_left(lambda tasks: noted.extend(one.get_name() for one in tasks)):
        asyncio.run(main())
    assert noted == ["left"]
    assert asyncio.runners._cancel_all_tasks is before  # type: ignore[attr-defined]


@pytest.mark.anyrig(leaked_tasks="off")
@pytest.mark.parametrize("backend", ["asyncio", "asyncio+uvloop"])
def test_close_of_a_loop_is_noted(backend: str) -> None:
    """Each loop's ``close`` is ours while entered: what is left in it is noted, and once."""
    if BACKENDS[backend].missing() is not None:
        pytest.skip("not installed")
    make: Any = asyncio.new_event_loop
    if backend == "asyncio+uvloop":
        import uvloop

        make = uvloop.new_event_loop
    noted: list[str] = []

    async def main() -> None:
        waits = (("left", asyncio.Event()), ("cancelled", asyncio.Event()))
        kept.extend(asyncio.create_task(event.wait(), name=name) for name, event in waits)
        await asyncio.sleep(0)
        kept[1].cancel()

    kept: list[asyncio.Task[Any]] = []
    never_ran: Any = asyncio.sleep(0)
    loop = make()
    loop.set_exception_handler(lambda loop, context: None)  # "Task was destroyed"
    kinds = (asyncio.BaseEventLoop, type(loop))
    before = [vars(kind).get("close") for kind in kinds]
    with asyncio_seam.noting_left(lambda tasks: noted.extend(one.get_name() for one in tasks)):
        loop.run_until_complete(main())
        kept.append(loop.create_task(never_ran, name="new"))
        assert noted == []
        loop.close()
        loop.close()
    never_ran.close()
    assert noted == ["left"]
    assert [vars(kind).get("close") for kind in kinds] == before


@pytest.mark.anyrig(leaked_tasks="off", missed_awaits="off")
def test_a_loops_own_end_is_not_left_by_anybody() -> None:
    """``shutdown_asyncgens`` that waits for a cleanup when the loop is closed; the cleanup is."""
    noted: list[str] = []
    kept: list[Any] = []

    async def never_ends() -> AsyncIterator[None]:
        try:
            yield
        finally:
            await asyncio.Event().wait()

    async def main() -> None:
        running = asyncio.get_running_loop()
        kept.append(never_ends())
        await anext(kept[0])
        kept.append(asyncio.create_task(running.shutdown_asyncgens(), name="the loop's end"))
        for _ in range(3):
            await asyncio.sleep(0)

    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda loop, context: None)  # "Task was destroyed"
    with asyncio_seam.noting_left(lambda tasks: noted.extend(one.get_name() for one in tasks)):
        loop.run_until_complete(main())
        assert not kept[1].done()
        loop.close()
    assert len(noted) == 1
    assert "the loop's end" not in noted


def test_loop_has__default_executor_and__threads(loop: asyncio.AbstractEventLoop) -> None:
    """What the loop's executor runs is known while somebody's future waits for it."""
    begun, go = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go.wait()

    future = loop.run_in_executor(None, work)
    begun.wait()
    try:
        during = asyncio_seam.calls_of(loop)
    finally:
        go.set()
    loop.run_until_complete(future)
    assert (during, asyncio_seam.calls_of(loop)) == ([work], [])


def test_loop_has__selector_and__scheduled(loop: asyncio.AbstractEventLoop) -> None:
    """``loop._selector.select`` is noted where no timer of ``_scheduled`` is ever to come."""
    noted: list[bool] = []
    ready = asyncio.Event()

    def note(begins: bool) -> None:
        noted.append(begins)
        if begins:
            loop.call_soon_threadsafe(ready.set)  # as a thread would

    async def waits(timer: float) -> None:
        ready.clear()
        loop.call_later(timer, ready.set)
        await ready.wait()

    forget, _ = asyncio_seam.around_waits(loop, note)
    loop.run_until_complete(waits(0.001))
    assert noted == []
    loop.run_until_complete(waits(math.inf))
    assert noted == [True, False]
    forget()
    assert "select" not in vars(loop._selector)  # type: ignore[attr-defined]


def test_what_is_dropped_is_never_collected(tmp_path: Path) -> None:
    """A coroutine that takes all that is raised in it hangs nothing, not the end of Python."""
    script = """
import asyncio, gc
from anyrig.seams.asyncio import drop

async def deaf():
    while True:
        try:
            await asyncio.sleep(9)
        except BaseException:
            pass

async def main():
    asyncio.create_task(deaf())
    await asyncio.sleep(0)

loop = asyncio.new_event_loop()
loop.run_until_complete(main())
drop(loop)
gc.collect()
print("closed", loop.is_closed())
"""
    done = run([sys.executable, "-c", script], tmp_path)
    assert (done.status, done.text) == (0, "closed True\n")


def test_loop_has__ready__scheduled_and_a__selector_with_a_map() -> None:
    """Between two turns a loop says what it waits for, and by which descriptor."""
    loop: Any = asyncio.SelectorEventLoop()
    # those of select and poll have none, and nothing stands for what they wait for
    descriptor = loop._selector.fileno() if hasattr(loop._selector, "fileno") else None
    try:
        assert idle_descriptor(loop) == descriptor
        timer = loop.call_later(9, print)
        assert idle_descriptor(loop) is None
        timer.cancel()
        loop.call_soon(loop.stop)
        assert idle_descriptor(loop) is None
        loop.run_forever()
        loop._scheduled.clear()
        assert idle_descriptor(loop) == descriptor
        ours, theirs = socket.socketpair()
        with ours, theirs:
            loop.add_reader(ours, print)
            assert idle_descriptor(loop) is None
            loop.remove_reader(ours)
    finally:
        loop.close()
    assert idle_descriptor(loop) is None
