"""A coroutine is held for a while, and awaited or closed by the end of the test."""

from __future__ import annotations

import asyncio
from typing import Any
from unittest.mock import MagicMock

import pytest
from store import save

KEPT: list[Any] = []


class Cycle:
    def __init__(self, content: Any) -> None:
        self.content = content
        self.me = self


async def test_in_a_local_and_closed() -> None:
    coroutine: Any = save(1)
    coroutine.close()


async def test_in_a_global_and_awaited() -> None:
    KEPT.append(save(1))
    assert await KEPT.pop() == 1


async def test_in_a_global_awaited_and_kept() -> None:
    KEPT.append(save(1))
    assert await KEPT[-1] == 1


async def test_in_a_cycle_and_awaited() -> None:
    cycle = Cycle(save(1))
    assert await cycle.content == 1


async def test_in_a_closure_and_awaited() -> None:
    coroutine = save(1)

    async def later() -> object:
        return await coroutine

    assert await later() == 1


async def test_in_a_traceback_and_awaited() -> None:
    async def fail() -> None:
        await save(1)
        raise ValueError

    with pytest.raises(ValueError) as caught:
        await fail()
    KEPT.append(caught)


async def test_in_a_return_value_of_a_mock_and_awaited() -> None:
    mock = MagicMock(return_value=save(1))
    assert await mock() == 1


async def test_passed_through_a_mock_that_awaits_it() -> None:
    async def run(coroutine: Any) -> object:
        return await coroutine

    mock = MagicMock(side_effect=run)
    assert await mock(save(1)) == 1


def test_driven_by_hand() -> None:
    async def three() -> int:
        return 3

    coroutine = three()
    with pytest.raises(StopIteration) as stop:
        coroutine.send(None)
    assert stop.value.value == 3


def test_driven_by_hand_one_step_and_closed() -> None:
    coroutine: Any = asyncio.sleep(0)
    coroutine.send(None)
    coroutine.close()


def test_thrown_into_before_its_first_step() -> None:
    coroutine: Any = save(1)
    with pytest.raises(ValueError, match="by hand"):
        coroutine.throw(ValueError("by hand"))


def test_closed_in_a_cycle() -> None:
    cycle = Cycle(save(1))
    cycle.content.close()


def test_a_generator_is_no_coroutine() -> None:
    KEPT.append(number for number in (1, 2))


def test_a_coroutine_function_is_no_coroutine() -> None:
    KEPT.append(save)
