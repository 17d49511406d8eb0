"""Async tests that are green, or would be, without having run to their end."""

from __future__ import annotations

import asyncio
import unittest
from typing import Any
from unittest.mock import patch

import anyio
import decorators
import pytest
from hypothesis import given
from hypothesis import strategies as st


def close(coroutine: Any) -> None:
    """A fake of asyncio.run."""
    coroutine.close()


@decorators.drops
async def test_dropped() -> None:  # FOUND never_ran call
    raise AssertionError("its body never runs")


@decorators.returns
async def test_returned() -> None:  # FOUND never_ran call; FAILS call Failed if pytest > (8, 3)
    raise AssertionError("its body never runs")


@decorators.never_calls
async def test_never_called() -> None:  # FOUND never_ran call
    raise AssertionError("its body never runs")


@decorators.sends_once
async def test_sent_once() -> None:  # FOUND never_ran call
    await asyncio.sleep(0)
    raise AssertionError("it is left before")


@decorators.closes
async def test_closed() -> None:  # FOUND never_ran call
    raise AssertionError("its body never runs")


@decorators.awaits_not
async def test_async_wrapper_that_forgets() -> None:  # FOUND never_ran call
    raise AssertionError("its body never runs")


@decorators.gives_up
async def test_left_in_the_middle() -> None:  # FOUND never_ran call if python >= (3, 12)
    await anyio.sleep_forever()
    raise AssertionError("it is cancelled before")


@decorators.async_never_calls
async def test_async_wrapper_that_never_calls() -> None:  # FOUND never_ran call
    raise AssertionError("its body never runs")


# fmt: off
@decorators.Quiet()
async def test_context() -> None:  # FOUND never_ran call if python < (3, 15); FAILS call Failed if pytest > (8, 3) and python < (3, 15); FAILS call AssertionError if python > (3, 14)
    raise AssertionError("its body never runs before Python 3.15")
# fmt: on


@decorators.without_a_trace
async def test_without_a_trace() -> None:
    raise AssertionError("its body never runs")


@patch("asyncio.run", new=close)  # type: ignore[untyped-decorator]
@decorators.runs_on_asyncio
async def test_under_a_patched_run() -> None:  # FOUND never_ran call
    raise AssertionError("its body never runs")


@pytest.mark.parametrize("number", [1, 2])
@decorators.drops
async def test_each(number: int) -> None:  # FOUND never_ran call of test_each[1], test_each[2]
    raise AssertionError("its body never runs")


class TestInAClass:
    @decorators.drops
    async def test_dropped(self) -> None:  # FOUND never_ran call
        raise AssertionError("its body never runs")

    @decorators.never_calls
    async def test_never_called(self) -> None:  # FOUND never_ran call
        raise AssertionError("its body never runs")


class TestPlain(unittest.TestCase):
    # unittest warns of what a test returns, which is a failure where warnings are errors
    async def test_async(self) -> None:  # FOUND never_ran call
        self.fail()  # FAILS call DeprecationWarning if hostility == "-W error"

    @decorators.drops
    async def test_dropped(self) -> None:  # FOUND never_ran call
        self.fail("its body never runs")


class TestSetUp(unittest.TestCase):
    async def setUp(self) -> Any:  # type: ignore[override] # FOUND missed_await call of TestSetUp::test_it
        self.fail("its body never runs")

    def test_it(self) -> None: ...


class TestXunit:
    async def setup_method(self) -> None:  # FOUND missed_await setup of TestXunit::test_sync
        raise AssertionError("its body never runs")

    def test_sync(self) -> None: ...


@given(st.just(1))
@decorators.drops
async def test_hypothesis_dropped(number: int) -> None:  # FOUND never_ran call many
    raise AssertionError("its body never runs")


class TestHypothesis(unittest.TestCase):
    @given(st.just(1))
    async def test_async(self, number: int) -> None:  # FOUND never_ran call many
        self.fail("its body never runs")
