"""What is made when a module is imported: no test fails for it, the run does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from store import save

save(1)  # FOUND missed_await collect late many of nothing

HELD: Any = save(2)  # FOUND missed_await collect late many of nothing

AWAITED: Any = save(3)

CYCLE: list[Any] = [save(4)]  # FOUND missed_await collect late many of nothing
CYCLE.append(CYCLE)
del CYCLE


class Config:
    default = save(5)  # FOUND missed_await collect late many of nothing


def with_a_default(
    argument: Any = save(6),  # FOUND missed_await collect late many of nothing
) -> Any:
    return argument


@pytest.mark.parametrize("coroutine", [save(7)])
async def test_awaits_its_parameter(coroutine: Any) -> None:
    assert await coroutine == 7


@pytest.mark.parametrize(
    "coroutine",
    [save(8)],  # FOUND missed_await collect late many of nothing
)
async def test_innocent_of_its_parameter(coroutine: Any) -> None: ...


async def test_innocent() -> None: ...


def test_innocent_and_sync() -> None: ...


def test_awaits_what_the_import_made() -> None:
    global AWAITED
    asyncio.run(AWAITED)
    AWAITED = None


def test_drops_what_the_import_made() -> None:
    global HELD
    HELD = None
