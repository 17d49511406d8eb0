"""Tasks whose first step never ran, because their loop ended before."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import sniffio
from store import save

KEPT: list[Any] = []


def test_loop_closed_before_the_first_step() -> None:
    loop = asyncio.new_event_loop()
    loop.create_task(save(1))  # FOUND missed_await call
    loop.close()


def test_loop_closed_and_task_kept() -> None:
    loop = asyncio.new_event_loop()
    KEPT.append(loop.create_task(save(1)))  # FOUND missed_await call
    loop.close()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_loop_dropped() -> None:
    loop = asyncio.new_event_loop()
    loop.create_task(save(1))  # FOUND missed_await call


def test_made_in_the_last_turn_of_a_loop() -> None:
    async def last_turn() -> None:
        asyncio.ensure_future(save(1))  # FOUND missed_await call

    async def main() -> None:
        KEPT.append(asyncio.ensure_future(last_turn()))

    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    loop.close()


def test_gathered_in_the_last_turn_of_a_loop() -> None:
    async def last_turn() -> None:
        asyncio.gather(save(1), save(2))  # FOUND missed_await call times 2

    async def main() -> None:
        KEPT.append(asyncio.ensure_future(last_turn()))

    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    loop.close()


async def test_handed_to_a_loop_that_never_runs() -> None:
    if sniffio.current_async_library() != "asyncio":
        pytest.skip("asyncio's own")  # ENDS skipped call if library == "trio"
    other = asyncio.new_event_loop()
    other.create_task(save(1))  # FOUND missed_await call if library == "asyncio"
    other.close()


def test_handed_thread_safely_to_a_loop_that_never_runs() -> None:
    loop = asyncio.new_event_loop()
    asyncio.run_coroutine_threadsafe(save(1), loop)  # FOUND missed_await call
    loop.close()
