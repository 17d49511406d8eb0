"""A deadlock while an asyncio guest is open: seen on trio, and who waits in the guest is shown."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

import anyrig
from anyrig.guests import idle_descriptors, running_tasks
from anyrig.seams.trio import descriptors
from anyrig_compat import open_asyncio
from inner import Suite

STUCK = """
import asyncio
import anyio
import pytest
import pytest_asyncio

class Store:
    def __init__(self):
        self.ready = asyncio.Event()

    async def get(self):
        await self.ready.wait()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *error):
        await self.get()

@pytest.fixture
def anyio_backend():
    return "trio"

@pytest_asyncio.fixture
async def store():
    yield Store()

@pytest_asyncio.fixture
async def never():
    await asyncio.Event().wait()
    yield

pytestmark = [pytest.mark.anyio, pytest.mark.anyrig(timeout=30)]
"""

TESTS = {
    "the_test": ("store", "await anyio.Event().wait()", "await anyio.Event().wait()"),
    "a_call": ("store", "await store.get()", "await self.ready.wait()"),
    "a_block": ("store", "async with store:\n        pass", "await self.ready.wait()"),
    "a_fixture": ("never", "pass", "await asyncio.Event().wait()"),
}


@pytest.mark.parametrize("name", TESTS)
def test_it_is_seen(suite: Suite, name: str) -> None:
    """The test ends at once, and the picture has the line that waits, on asyncio's side too."""
    fixture, body, line = TESTS[name]
    suite.write("test_it.py", f"{STUCK}\nasync def test_it({fixture}):\n    {body}\n")
    ran = suite.spawn("-p", "anyrig_compat")
    assert ran.status == 1
    assert suite.found == [("deadlock", "test_it", "fail")]
    picture = ran.text.partition("the test and its fixtures")[2]
    assert f">   {line}" in picture or f">   {line}" in ran.text.partition("it would")[2]
    # what only serves them has no place in it
    assert "<" not in picture.partition("mend:")[0]
    assert "Task-" not in picture


@pytest.fixture
def anyio_backend() -> Any:
    """These are about a guest, so they run on trio, and in time of its own."""
    return ("trio", {"clock": MockClock()})


async def test_a_guest_that_waits_for_nothing() -> None:
    """Its descriptor is all that the run waits for, and it is idle."""
    async with open_asyncio() as guest:
        await wait_all_tasks_blocked()
        assert set(descriptors()) == idle_descriptors() != set()
        assert await guest.call(_idle) == set()  # it runs
    assert idle_descriptors() == set()


async def _idle() -> set[int]:
    return idle_descriptors()


async def test_one_that_waits_for_something() -> None:
    """Timers, callbacks and I/O of the guest's may wake it."""
    async with open_asyncio() as guest:
        loop = guest.loop
        timer = loop.call_later(3600, print)
        assert idle_descriptors() == set()
        timer.cancel()
        await guest.call(asyncio.sleep, 0)
        await wait_all_tasks_blocked()
        assert len(idle_descriptors()) == 1
        ours, theirs = socket.socketpair()
        with ours, theirs:
            loop.add_reader(ours, print)
            assert idle_descriptors() == set()
            loop.remove_reader(ours)
        assert len(idle_descriptors()) == 1


async def test_io_of_trios_own_beside_it() -> None:
    """What trio waits for itself is another descriptor."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        async with open_asyncio(), trio.open_nursery() as nursery:
            nursery.start_soon(trio.lowlevel.wait_readable, ours)
            await wait_all_tasks_blocked()
            assert set(descriptors()) - idle_descriptors() == {ours.fileno()}
            theirs.send(b"x")


async def test_the_guests_tasks_are_in_the_tree() -> None:
    """``task_tree`` shows both sides."""

    async def waits() -> None:
        await asyncio.Event().wait()

    async with open_asyncio() as guest, trio.open_nursery() as nursery:
        nursery.start_soon(guest.call, waits)
        await wait_all_tasks_blocked()
        names = {task.name for task in running_tasks()}
        assert waits.__qualname__ in names
        assert "await asyncio.Event().wait()" in anyrig.task_tree()
        nursery.cancel_scope.cancel()
