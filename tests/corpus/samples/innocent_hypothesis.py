"""Hypothesis tests that await what they make."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from store import save


@given(st.integers())
async def test_async(number: int) -> None:
    assert await save(number) == number


@given(st.integers())
def test_sync(number: int) -> None:
    assert asyncio.run(save(number)) == number


@given(st.integers())
async def test_rejects_some_examples(number: int) -> None:
    assume(number >= 0)
    await save(number)


@given(st.integers())
async def test_warning_is_asserted(number: int) -> None:
    with pytest.warns(RuntimeWarning, match="never awaited"):
        save(number)


@pytest.fixture
def later() -> Any:
    kept: list[Any] = []
    yield kept
    for coroutine in kept:
        asyncio.run(coroutine)


class TestInAClass:
    @given(st.integers())
    async def test_async(self, number: int) -> None:
        assert await save(number) == number
