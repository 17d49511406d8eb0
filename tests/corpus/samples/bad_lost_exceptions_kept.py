"""Exceptions that a wider fixture keeps, and never looks at."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import anyio
import pytest
import sniffio


class Lost(Exception):
    pass


async def boom() -> None:
    await asyncio.sleep(0)
    raise Lost


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await anyio.lowlevel.checkpoint()


def only_on(library: str) -> None:
    if sniffio.current_async_library() != library:
        pytest.skip(f"{library}'s own")


@pytest.fixture(scope="module")
async def wide(anyio_backend: object) -> AsyncGenerator[list[Any]]:
    kept: list[Any] = []
    yield kept


async def test_held_by_a_wider_fixture(wide: list[Any]) -> None:
    only_on("asyncio")  # ENDS skipped call if library == "trio"
    task = asyncio.create_task(boom())  # FOUND lost_exception call late if library == "asyncio"
    wide.append(task)
    await turns()


async def test_last(wide: list[Any]) -> None:
    pass
