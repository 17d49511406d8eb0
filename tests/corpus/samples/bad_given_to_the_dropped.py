"""Coroutines that are given to one that never runs: that one is told, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

import pytest
import sniffio
from store import save

KEPT: list[Any] = []


async def wrapped(coroutine: Coroutine[Any, Any, Any]) -> None:
    await coroutine


async def all_of(*coroutines: Coroutine[Any, Any, Any]) -> None:
    for coroutine in coroutines:
        await coroutine


async def each_of(coroutines: Iterable[Coroutine[Any, Any, Any]]) -> None:
    for coroutine in coroutines:
        await coroutine


async def test_wait_for() -> None:
    if sniffio.current_async_library() != "asyncio":
        pytest.skip("asyncio alone can await it")  # ENDS skipped call if library == "trio"
    asyncio.wait_for(save(1), 1)  # FOUND missed_await call if library == "asyncio"


async def test_argument() -> None:
    wrapped(save(1))  # FOUND missed_await call


async def test_keyword() -> None:
    wrapped(coroutine=save(1))  # FOUND missed_await call


async def test_several() -> None:
    all_of(save(1), save(2))  # FOUND missed_await call


async def test_list() -> None:
    each_of([save(1), save(2)])  # FOUND missed_await call


async def test_within_one_another() -> None:
    wrapped(  # FOUND missed_await call
        wrapped(save(1))
    )


def test_held() -> None:
    KEPT.append(wrapped(save(1)))  # FOUND missed_await call


async def test_beside_it() -> None:
    wrapped(save(1))  # FOUND missed_await call
    save(2)  # FOUND missed_await call


async def test_given_to_one_that_runs_and_drops_it() -> None:
    async def drops(coroutine: object) -> None: ...

    await drops(save(1))  # FOUND missed_await call
