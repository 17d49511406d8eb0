"""A coroutine is made, and something still holds it when the test is over."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any
from unittest.mock import MagicMock, patch

import trio
from store import save

KEPT: list[Any] = []
BY_NAME: dict[str, Any] = {}
single: Any = None
current: ContextVar[Any] = ContextVar("current")
registry = MagicMock()


async def test_in_a_local() -> None:
    coroutine = save(1)  # FOUND missed_await call
    assert coroutine is not None


def test_in_a_local_of_a_sync_test() -> None:
    coroutine = save(1)  # FOUND missed_await call
    assert coroutine is not None


async def test_in_a_global() -> None:
    global single
    single = save(1)  # FOUND missed_await call


async def test_in_a_global_list() -> None:
    KEPT.append(save(1))  # FOUND missed_await call


def test_in_a_global_dict_of_a_sync_test() -> None:
    BY_NAME["first"] = save(1)  # FOUND missed_await call


async def test_in_a_class_attribute() -> None:
    Box.content = save(1)  # FOUND missed_await call


async def test_in_an_attribute_of_a_global() -> None:
    BOX.content = save(1)  # FOUND missed_await call


class Box:
    content: Any = None


BOX = Box()


class Cycle:
    def __init__(self, content: object) -> None:
        self.content = content
        self.me = self


async def test_in_a_cycle() -> None:
    Cycle(save(1))  # FOUND missed_await call


def test_in_a_cycle_of_a_sync_test() -> None:
    Cycle(save(1))  # FOUND missed_await call


async def takes_itself(box: list[object]) -> None:
    box.clear()


async def test_in_a_cycle_with_itself() -> None:
    box: list[object] = []
    box.append(takes_itself(box))  # FOUND missed_await call


def keep_in_a_closure(coroutine: object) -> Callable[[], object]:
    return lambda: coroutine


async def test_in_a_closure() -> None:
    KEPT.append(keep_in_a_closure(save(1)))  # FOUND missed_await call


async def test_in_a_local_closure() -> None:
    coroutine = save(1)  # FOUND missed_await call

    def later() -> object:
        return coroutine

    assert later is not None


async def test_in_a_partial() -> None:
    KEPT.append(functools.partial(print, save(1)))  # FOUND missed_await call


def fail_with_a_local() -> None:
    coroutine = save(1)  # FOUND missed_await call of test_in_a_traceback, test_in_a_cycle_of_errors
    raise ValueError("the frame keeps the local", coroutine is None)


async def test_in_a_traceback() -> None:
    try:
        fail_with_a_local()
    except ValueError as error:
        KEPT.append(error)


def test_in_a_cycle_of_errors() -> None:
    try:
        fail_with_a_local()
    except ValueError as error:
        error.__context__ = RuntimeError(error)


async def test_in_an_argument_of_an_error() -> None:
    KEPT.append(ValueError(save(1)))  # FOUND missed_await call


async def test_in_a_return_value_of_a_mock() -> None:
    registry.fetch.return_value = save(1)  # FOUND missed_await call
    registry.fetch()


def test_in_a_return_value_of_a_local_mock() -> None:
    mock = MagicMock(return_value=save(1))  # FOUND missed_await call
    mock()


async def test_in_a_return_value_of_a_patch() -> None:
    with patch("store.Store.size", return_value=save(1)):  # FOUND missed_await call
        pass


async def test_in_a_side_effect() -> None:
    registry.load.side_effect = [save(1)]  # FOUND missed_await call


async def test_in_the_calls_of_a_mock() -> None:
    registry.accept(save(1))  # FOUND missed_await call


def test_in_a_context_variable() -> None:
    # fmt: off
    current.set(save(1))  # FOUND missed_await call if (3, 11) < python < (3, 14); FOUND missed_await call at teardown if python < (3, 12) or python > (3, 13)
    # fmt: on


def test_in_a_local_under_asyncio_run() -> None:
    async def main() -> None:
        coroutine = save(1)  # FOUND missed_await call
        await asyncio.sleep(0)
        KEPT.append(coroutine)

    asyncio.run(main())


def test_in_a_global_under_trio_run() -> None:
    async def main() -> None:
        KEPT.append(save(1))  # FOUND missed_await call

    trio.run(main)


async def generations() -> None:
    for _ in range(3):
        KEPT.extend([] for _ in range(3000))


async def test_through_many_young_collections() -> None:
    KEPT.append(save(1))  # FOUND missed_await call
    await generations()
