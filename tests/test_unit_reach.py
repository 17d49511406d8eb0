"""What a value holds, and what only knows of it."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
import sniffio
import trio

from anyrig.reach import MOST, reaches

GLOBAL: list[Any] = []


class Client:
    """Something that keeps what it is given."""

    def __init__(self, thing: object = None) -> None:
        self.thing = thing

    def close(self) -> object:
        return self.thing


class Slotted:
    __slots__ = ("thing",)

    def __init__(self, thing: object) -> None:
        self.thing = thing


def closing(thing: object) -> Callable[[], object]:
    """A function that has the thing in its closure."""
    return lambda: thing


HOLDERS: dict[str, Callable[[Any], object]] = {
    "an attribute": Client,
    "a slot": Slotted,
    "a set of an attribute": lambda thing: Client({thing}),
    "a dict of an attribute": lambda thing: Client({"pool": [[thing]]}),
    "one of two that a fixture gives": lambda thing: (Client(), {"second": Client(thing)}),
    "a closure": closing,
    "a bound method": lambda thing: Client(thing).close,
    "a partial": lambda thing: functools.partial(print, thing),
    "far within": lambda thing: functools.reduce(lambda one, _: Client(one), range(50), thing),
}


def current() -> object:
    """The task that runs, as its own library has it."""
    if sniffio.current_async_library() == "trio":
        return trio.lowlevel.current_task()
    return asyncio.current_task()


def thing() -> threading.Thread:
    """Something that may be left."""
    return threading.Thread(target=print)


@pytest.mark.parametrize("holder", HOLDERS)
def test_what_a_value_holds(holder: str) -> None:
    """Near or far, by attributes, slots and closures; nothing else."""
    one = thing()
    assert reaches(HOLDERS[holder](one), one)
    assert not reaches(HOLDERS[holder](one), thing())


PUT: dict[str, Callable[[Any], object]] = {
    "itself": lambda thing: thing,
    "a set": lambda thing: {thing},
    "a dict of a list": lambda thing: {"pool": [[thing]]},
}


@pytest.mark.parametrize("value", PUT)
def test_what_was_put_into_a_value(value: str) -> None:
    """A list of tasks keeps nothing: a test has put them there, and has to end them."""
    one = thing()
    assert not reaches(PUT[value](one), one)


async def test_what_an_async_context_manager_holds() -> None:
    """A local of its function, while it is entered."""

    @asynccontextmanager
    async def client() -> AsyncIterator[None]:
        one.append(thing())
        local = one[0]
        yield
        local.name = "ended"

    one: list[threading.Thread] = []
    manager = client()
    async with manager:
        one.append(thing())
        only_there = one.pop(0)
        assert reaches(manager, only_there)
        assert not reaches(manager, thing())


def uses_a_global() -> object:
    """A function that knows of a global."""
    return GLOBAL


def test_what_only_knows_of_it() -> None:
    """Not by what is everybody's: a module, a class, a function's globals."""
    one = thing()
    Client.everybodys = one  # type: ignore[attr-defined]
    GLOBAL.append(one)
    try:
        assert not reaches(uses_a_global, one)
        assert not reaches(Client(), one)
        assert not reaches(threading, one)
    finally:
        GLOBAL.clear()
        del Client.everybodys  # type: ignore[attr-defined]
    assert not reaches(threading.Thread(target=print, args=(one,)), one)


async def test_what_a_task_group_holds() -> None:
    """Its tasks, whoever started them; a client's group is asked by way of the client."""
    seen: list[Any] = []

    async def notes() -> None:
        seen.append(current())
        await anyio.sleep_forever()

    async with anyio.create_task_group() as group, anyio.create_task_group() as other:
        group.start_soon(notes)
        await anyio.wait_all_tasks_blocked()
        assert reaches(Client(group), seen[0])
        assert not reaches(Client(other), seen[0])
        assert not reaches(group, seen[0])
        group.cancel_scope.cancel()


async def test_who_waits_is_not_held() -> None:
    """By an event, a lock or a channel."""
    seen: list[Any] = []
    event, lock, semaphore = anyio.Event(), anyio.Lock(), anyio.Semaphore(0)
    send, receive = anyio.create_memory_object_stream[int]()

    async def waits(wait: Callable[[], Awaitable[object]]) -> None:
        seen.append(current())
        await wait()

    async with lock, send, receive, anyio.create_task_group() as group:
        for wait in (event.wait, lock.acquire, semaphore.acquire, receive.receive):
            group.start_soon(waits, wait)
        await anyio.wait_all_tasks_blocked()
        for task in seen:
            assert not reaches([event, lock, semaphore, send, receive], task)
        group.cancel_scope.cancel()
    assert len(seen) == 4


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_what_a_task_waits_for_does_not_hold_it(anyio_backend: str) -> None:
    """A queue, an event and a lock refer to who waits; a loop to all that is in it."""
    queue: asyncio.Queue[int] = asyncio.Queue()
    event, lock = asyncio.Event(), asyncio.Lock()
    await lock.acquire()
    for waits in (queue.get, event.wait, lock.acquire):
        task: asyncio.Task[Any] = asyncio.ensure_future(waits())
        await asyncio.sleep(0)
        assert not reaches([queue, event, lock, asyncio.get_running_loop()], task)
        assert reaches([queue, Client(task)], task)
        task.cancel()
        await asyncio.wait([task])


def test_pytests_own_objects_hold_nothing(request: pytest.FixtureRequest) -> None:
    """They would lead to each fixture and each test."""
    request.node.held = held = thing()
    assert not reaches(request, held)
    assert not reaches([request.config], request.node)


def test_it_ends() -> None:
    """In a circle, and after so many objects."""
    circle: list[Any] = []
    circle.append(circle)
    assert not reaches(circle, thing())
    one = thing()
    assert reaches(Client([[[] for _ in range(100)], [Client(one)]]), one, most=200)
    many: list[Any] = [[[]] for _ in range(MOST)]
    many.append(Client([Client(one)]))
    assert not reaches(Client(many), one)
