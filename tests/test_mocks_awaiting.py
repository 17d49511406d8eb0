"""Coroutines that a double is given in place of what would have awaited them."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Coroutine
from typing import Any

import anyio
import pytest

import anyrig
from anyrig import mocks as am
from anyrig.mocks import Mocks

ran: list[int] = []


@pytest.fixture(autouse=True)
def _nothing_ran() -> None:
    ran.clear()


async def work(number: int) -> int:
    """What is handed on."""
    ran.append(number)
    await anyio.lowlevel.checkpoint()
    return 10 * number


async def start(coroutine: Coroutine[Any, Any, int], times: int = 1) -> int:
    """A function of a user's that awaits what it is given."""
    return times * await coroutine


def test_run(mocks: Mocks) -> None:
    """What is patched in its place runs it, and gives what it gives."""
    run = mocks.patch("asyncio.run")
    assert asyncio.run(work(1)) == 10
    run.assert_called_once()
    assert ran == [1]
    mocks.assert_all_awaited()


def test_run_with_a_result_of_its_own(mocks: Mocks) -> None:
    """It runs, and the author's word counts."""
    mocks.patch("asyncio.run", return_value=-1)
    assert asyncio.run(work(1)) == -1
    assert ran == [1]


def test_run_that_is_not_to(mocks: Mocks) -> None:
    """With ``awaits_arguments=False`` it is closed, and its name is on record."""
    run = mocks.patch("asyncio.run", awaits_arguments=False, return_value=-1)
    assert asyncio.run(work(1)) == -1
    assert ran == []
    assert [call.closed for call in mocks.calls(run)] == [("work",)]


@pytest.mark.parametrize("error", [OSError, OSError("no"), [OSError]])
def test_run_that_fails(mocks: Mocks, error: Any) -> None:
    """An error that was asked for comes in its place."""
    mocks.patch("asyncio.run", side_effect=error)
    coroutine = work(1)
    with pytest.raises(OSError, match=r"^(no)?$"):
        asyncio.run(coroutine)
    coroutine.close()


def test_run_with_a_function_as_side_effect(mocks: Mocks) -> None:
    """It has the coroutine for itself."""
    given: list[Coroutine[Any, Any, int]] = []
    mocks.patch("asyncio.run", side_effect=given.append)
    asyncio.run(work(1))
    [coroutine] = given
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED
    coroutine.close()


@pytest.mark.anyrig(backends=["asyncio"])
async def test_run_in_a_running_loop(mocks: Mocks) -> None:
    """The real one refuses, as it would without the double; a note says what to do."""
    run = mocks.patch("asyncio.run")
    with pytest.raises(RuntimeError, match="running event loop") as caught:
        asyncio.run(work(1))
    assert "awaits_arguments=False" in caught.value.__notes__[0]
    assert mocks.calls(run)[0].closed == ("work",)


@pytest.mark.anyrig(backends=["asyncio"])
async def test_asyncios_own(mocks: Mocks) -> None:
    """Each of those that await what they are given does so as a double."""
    names = ["create_task", "ensure_future", "gather", "shield", "wait_for"]
    doubles = {name: mocks.patch(f"asyncio.{name}") for name in names}
    assert await asyncio.create_task(work(1)) == 10
    assert await asyncio.ensure_future(work(2)) == 20
    assert [*await asyncio.gather(work(3), work(4))] == [30, 40]
    assert [*await asyncio.gather(asyncio.ensure_future(work(5)))] == [50]
    assert await asyncio.shield(work(6)) == 60
    assert await asyncio.wait_for(work(7), 5) == 70
    assert ran == [1, 2, 3, 4, 5, 6, 7]
    for double in doubles.values():
        double.assert_called()


@pytest.mark.anyrig(backends=["asyncio"])
async def test_wait_for_that_times_out(mocks: Mocks) -> None:
    """The error that was asked for comes, and what it was given is closed."""
    wait_for = mocks.patch("asyncio.wait_for", side_effect=TimeoutError)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(work(1), 5)
    assert mocks.calls(wait_for)[0].closed == ("work",)
    assert ran == []


async def test_a_users_own(mocks: Mocks) -> None:
    """Any function can be handed its coroutines; by default the double of one has them noted."""
    double = mocks.create(start, awaits_arguments=True)
    assert await double(work(2), times=3) == 60
    mocks.of(double).return_value = 5
    assert await double(work(2)) == 5
    assert ran == [2, 2]


async def test_a_stub_that_awaits(mocks: Mocks) -> None:
    """Nothing real is behind it: it awaits them itself."""
    spawn = mocks.stub("spawn", awaits_arguments=True)
    assert await spawn(work(1)) == 10
    assert await spawn([work(1), work(2)]) == [10, 20]
    assert await spawn("nothing") is None
    assert ran == [1, 1, 2]


@pytest.mark.parametrize("spec", [int, object()])
def test_what_could_not_await(spec: Any) -> None:
    """An object is no function that is given anything."""
    with pytest.raises(anyrig.MockError, match="is no function that could await them"):
        am.create(spec, awaits_arguments=True)
