"""Which instruction refused: its keyword, its text, and which item of a statement it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from anyrig.seams.cpython.refused import Refusal, refusal


@asynccontextmanager
async def entered() -> AsyncIterator[None]:
    """Something to enter."""
    yield


def thing() -> Any:
    """What can't be awaited, entered or iterated."""
    return 3


async def _awaits() -> None:
    await thing()


async def _enters() -> None:
    async with thing():
        pass


async def _iterates() -> None:
    async for _ in thing():
        pass


async def _second() -> None:
    async with entered(), thing(), entered():
        pass


async def _in_a_loop() -> None:
    for number in range(3):
        async with entered() if number < 2 else thing(), entered():
            pass


async def _raises() -> None:
    raise TypeError("object int can't be used in 'await' expression")


async def _enters_for_sync() -> None:
    with thing():
        pass


async def _holds() -> None:
    future = asyncio.get_running_loop().create_future()
    future.set_exception(TypeError("object int can't be used in 'await' expression"))
    await future


def _refused(function: Callable[[], Awaitable[None]]) -> Refusal | None:
    async def run() -> None:
        await function()

    with pytest.raises(TypeError) as caught:
        asyncio.run(run())
    traceback: Any = caught.value.__traceback__
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    return refusal(traceback)


@pytest.mark.parametrize(
    ("function", "keyword"),
    [(_awaits, "await"), (_enters, "async with"), (_iterates, "async for")],
)
def test_the_instruction_says_so(function: Callable[[], Awaitable[None]], keyword: str) -> None:
    """``GET_AWAITABLE``, ``BEFORE_ASYNC_WITH`` and ``GET_AITER`` refuse, at their own place."""
    found = _refused(function)
    assert found is not None
    assert (found.keyword, found.item) == (keyword, 0)
    assert "thing()" in found.text


def test_which_of_several_items() -> None:
    """By its own place, or by its number in the statement's."""
    found = _refused(_second)
    assert found is not None
    assert (found.text.strip(), found.item) == ("thing()", 0) or found.item == 1
    found = _refused(_in_a_loop)
    assert found is not None
    assert found.item == 0
    assert "thing()" in found.text


@pytest.mark.parametrize("function", [_raises, _holds, _enters_for_sync])
def test_others_are_none(function: Callable[[], Awaitable[None]]) -> None:
    """The same words from elsewhere are no refusal, nor is a sync ``with``."""
    assert _refused(function) is None
