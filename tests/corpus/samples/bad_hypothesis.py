"""Hypothesis tests, whose body runs many times in one test."""

from __future__ import annotations

import asyncio
from typing import Any

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from store import save

KEPT: list[Any] = []


@given(st.just(1))
async def test_async(number: int) -> None:
    save(number)  # FOUND missed_await call many


@given(st.just(1))
def test_sync(number: int) -> None:
    save(number)  # FOUND missed_await call many


@given(st.just(1))
def test_under_asyncio_run(number: int) -> None:
    async def main() -> None:
        save(number)  # FOUND missed_await call many

    asyncio.run(main())


@given(st.just(1))
def test_under_trio_run(number: int) -> None:
    async def main() -> None:
        save(number)  # FOUND missed_await call many

    trio.run(main)


@settings(max_examples=4)
@given(st.integers(0, 3))
async def test_three_examples_held(number: int) -> None:
    KEPT.append(save(number))  # FOUND missed_await call many


@given(st.just(1))
async def test_in_a_cycle(number: int) -> None:
    cycle: list[Any] = [save(number)]  # FOUND missed_await call many
    cycle.append(cycle)


class TestInAClass:
    @given(st.just(1))
    async def test_async(self, number: int) -> None:
        save(number)  # FOUND missed_await call many


def forgetful(number: int) -> int:
    save(number)  # FOUND missed_await call many of test_in_a_strategy
    return number


@given(st.just(1).map(forgetful))
async def test_in_a_strategy(number: int) -> None: ...
