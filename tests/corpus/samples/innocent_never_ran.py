"""Async tests under decorators that do run them to their end."""

from __future__ import annotations

import functools
import unittest

import anyio
import decorators
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from store import save

ran: list[str] = []


@decorators.runs_on_asyncio
async def test_asyncio_run() -> None:
    await save(1)


@decorators.runs_on_trio
async def test_trio_run() -> None:
    await save(1)


@decorators.awaits
async def test_async_wrapper() -> None:
    await anyio.lowlevel.checkpoint()


@decorators.awaits
@decorators.awaits
async def test_two_async_wrappers() -> None:
    await anyio.lowlevel.checkpoint()


@decorators.runs_in_a_thread
async def test_in_a_thread() -> None:
    await save(1)


@decorators.runs_twice
async def test_second_time_lucky() -> None:
    ran.append("once")
    if len(ran) < 2:
        raise ValueError


@decorators.gives_up
async def test_given_up_too_late() -> None:
    await save(1)


@decorators.runs_on_asyncio
async def test_returns_early() -> None:
    if await save(True):
        return
    raise AssertionError


def expects_a_failure(function: decorators.Function) -> decorators.Function:
    @functools.wraps(function)
    async def wrapper() -> None:
        with pytest.raises(ValueError):
            await function()

    return wrapper


@expects_a_failure
async def test_ends_with_an_error() -> None:
    raise ValueError


def skips(function: decorators.Function) -> decorators.Function:
    @functools.wraps(function)
    def wrapper() -> None:
        pytest.skip("the wrapper says so")  # ENDS skipped call of test_skipped_by_its_wrapper

    return wrapper


@skips
async def test_skipped_by_its_wrapper() -> None:
    raise AssertionError


@decorators.runs_on_asyncio
async def test_skips_itself() -> None:
    pytest.skip("on purpose")  # ENDS skipped call


@pytest.mark.parametrize("number", [1, 2])
@decorators.runs_on_asyncio
async def test_each(number: int) -> None:
    await save(number)


class TestInAClass:
    @decorators.runs_on_asyncio
    async def test_asyncio_run(self) -> None:
        await save(1)

    async def test_plain(self) -> None:
        await anyio.lowlevel.checkpoint()


class TestIsolated(unittest.IsolatedAsyncioTestCase):
    async def test_async(self) -> None:
        await save(1)

    @decorators.awaits
    async def test_async_wrapper(self) -> None:
        await save(1)


class TestPlain(unittest.TestCase):
    @decorators.runs_on_asyncio
    async def test_asyncio_run(self) -> None:
        await save(1)


@given(st.integers())
@decorators.runs_on_asyncio
async def test_hypothesis_runs(number: int) -> None:
    await save(number)


@given(st.integers())
async def test_hypothesis_rejects(number: int) -> None:
    assume(number % 2 == 0)
    await save(number)


@given(st.integers())
@decorators.awaits
async def test_hypothesis_async_wrapper(number: int) -> None:
    await save(number)


@decorators.drops
@given(st.integers())
async def test_hypothesis_run_by_anyio_below_a_decorator(number: int) -> None:
    await save(number)
