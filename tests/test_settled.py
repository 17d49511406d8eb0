"""``settled``: every other task is blocked, on every backend."""

from __future__ import annotations

import asyncio
import socket
import threading

import anyio
import anyio.abc
import anyio.lowlevel
import pytest

import anyrig
from anyrig import backends
from inner import BACKENDS

PARAMETERS = [pytest.param(backends.BACKENDS[name].anyio_value(), id=name) for name in BACKENDS]
on_all = pytest.mark.parametrize("anyio_backend", PARAMETERS)
on_asyncio = pytest.mark.parametrize(
    "anyio_backend", [one for one in PARAMETERS if one.id != "trio"]
)


@on_all
async def test_tasks_have_come_as_far_as_they_can(task_group: anyio.abc.TaskGroup) -> None:
    """A task that takes many turns before it waits has taken them all."""
    turns: list[int] = []

    async def work() -> None:
        for turn in range(50):
            turns.append(turn)
            await anyio.lowlevel.checkpoint()
        await anyio.sleep_forever()

    task_group.start_soon(work)
    await anyrig.settled()
    assert turns == list(range(50))


@on_all
async def test_one_wakes_the_next(task_group: anyio.abc.TaskGroup) -> None:
    """What a task sets going before it waits is waited for, too."""
    events = [anyio.Event() for _ in range(20)]
    woken: list[int] = []

    async def link(number: int) -> None:
        await events[number].wait()
        woken.append(number)
        if number + 1 < len(events):
            events[number + 1].set()

    for number in range(len(events)):
        task_group.start_soon(link, number)
    await anyrig.settled()
    assert woken == []
    events[0].set()
    await anyrig.settled()
    assert woken == list(range(len(events)))


@on_all
async def test_alone_it_comes_back() -> None:
    """Where there is no other task there is nothing to wait for."""
    await anyrig.settled()


@on_all
async def test_later_timers_are_not_waited_for(task_group: anyio.abc.TaskGroup) -> None:
    """A task that sleeps is blocked."""
    task_group.start_soon(anyio.sleep, 3600)
    await anyrig.settled()


@on_all
async def test_input_that_is_there_is_read(task_group: anyio.abc.TaskGroup) -> None:
    """I/O that is ready is let through before: the loop has asked for it."""
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        got: list[bytes] = []

        async def read() -> None:
            await anyio.wait_readable(near)
            got.append(near.recv(10))

        task_group.start_soon(read)
        await anyrig.settled()
        assert got == []
        far.send(b"here")
        await anyrig.settled()
        assert got == [b"here"]


@on_all
async def test_threads_are_not_waited_for(task_group: anyio.abc.TaskGroup) -> None:
    """A task that waits for a thread is blocked."""
    go = threading.Event()

    def waits() -> None:
        go.wait()

    try:
        task_group.start_soon(anyio.to_thread.run_sync, waits)
        await anyrig.settled()
    finally:
        go.set()


@on_all
async def test_several_at_once_all_go_on(task_group: anyio.abc.TaskGroup) -> None:
    """Those who wait for all else to settle do not wait for each other."""
    order: list[str] = []

    async def settles(name: str) -> None:
        await anyrig.settled()
        order.append(name)

    async def works() -> None:
        for _ in range(20):
            await anyio.lowlevel.checkpoint()
        order.append("work")

    async with anyio.create_task_group() as group:
        group.start_soon(settles, "a")
        group.start_soon(works)
        group.start_soon(settles, "b")
        group.start_soon(settles, "c")
    assert order[0] == "work"
    assert sorted(order[1:]) == ["a", "b", "c"]


@on_all
async def test_it_can_be_cancelled(task_group: anyio.abc.TaskGroup) -> None:
    """A scope that is cancelled ends it, also where nothing ever settles."""
    stop = anyio.CancelScope()

    async def spins() -> None:
        for turn in range(100):
            if turn == 50:
                stop.cancel()
            await anyio.lowlevel.checkpoint()

    task_group.start_soon(spins)
    with stop:
        await anyrig.settled()
        raise AssertionError("it came back")
    await anyrig.settled()


@on_asyncio
async def test_callbacks_and_what_they_call() -> None:
    """Functions that the loop is to call soon are called before."""
    called: list[object] = []
    loop = asyncio.get_running_loop()

    def call(left: int) -> None:
        called.append(left)
        if left:
            loop.call_soon(call, left - 1)

    loop.call_soon(call, 5)
    loop.call_later(0, called.append, "due")
    await anyrig.settled()
    assert sorted(called, key=str) == [0, 1, 2, 3, 4, 5, "due"]


@pytest.mark.parametrize("library", ["asyncio", "trio"])
def test_outside_of_the_plugin(library: str) -> None:
    """It needs no runner of the plugin's."""
    anyio.run(anyrig.settled, backend=library)
