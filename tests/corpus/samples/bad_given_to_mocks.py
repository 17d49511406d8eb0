"""Coroutines that were handed to a mock, which awaits nothing."""

from __future__ import annotations

import asyncio
from typing import Any
from unittest.mock import AsyncMock, MagicMock, patch

import pytest
from pytest_mock import MockerFixture
from store import Store, save


def test_patched_asyncio_run() -> None:
    with patch("asyncio.run") as run:
        asyncio.run(save(1))  # FOUND missed_await call
    run.assert_called_once()


@patch("asyncio.run")
def test_patched_by_a_decorator(run: MagicMock) -> None:
    asyncio.run(save(1))  # FOUND missed_await call


async def test_patched_wait_for() -> None:
    with patch("asyncio.wait_for", new=AsyncMock(return_value=1)):
        assert await asyncio.wait_for(save(1), 1) == 1  # FOUND missed_await call


async def test_patched_wait_for_that_times_out() -> None:
    with patch("asyncio.wait_for", side_effect=TimeoutError), pytest.raises(TimeoutError):
        await asyncio.wait_for(save(1), 1)  # FOUND missed_await call


async def test_patched_gather() -> None:
    with patch("asyncio.gather", new=AsyncMock()):
        await asyncio.gather(save(1), save(2))  # FOUND missed_await call times 2


async def test_patched_create_task() -> None:
    with patch("asyncio.create_task") as create_task:
        asyncio.create_task(save(1))  # FOUND missed_await call
    create_task.assert_called_once()


async def test_list_of_coroutines() -> None:
    run_all = MagicMock()
    run_all([save(1), save(2)])  # FOUND missed_await call times 2


def test_method_given_to_a_runner() -> None:
    runner: Any = MagicMock()
    runner.submit(Store().save(1), timeout=3)  # FOUND missed_await call


async def test_patched_by_pytest_mock(mocker: MockerFixture) -> None:
    mocker.patch("asyncio.create_task")
    asyncio.create_task(save(1))  # FOUND missed_await call


async def test_mocks_coroutine_given_to_a_mock() -> None:
    with patch("asyncio.wait_for", new=AsyncMock()):
        client = AsyncMock()
        await asyncio.wait_for(client.get("/"), timeout=1)  # FOUND missed_await call
