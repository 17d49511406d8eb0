"""Async mocks that are awaited, and mocks that stand for something sync."""

from __future__ import annotations

import asyncio
from typing import Any
from unittest.mock import AsyncMock, MagicMock, Mock, create_autospec, patch

import pytest
import store
from store import Store, save


async def test_awaited() -> None:
    mock = AsyncMock(return_value=1)
    assert await mock(1) == 1
    mock.assert_awaited_once_with(1)


async def test_children_awaited() -> None:
    mock = AsyncMock()
    await mock.client.session.get("/")


async def test_sync_method_of_a_spec() -> None:
    mock = AsyncMock(spec=Store)
    mock.size()
    await mock.save(1)


async def test_sync_method_of_an_autospec() -> None:
    mock: Any = create_autospec(Store)
    mock().size()


async def test_patch_awaited() -> None:
    with patch("store.save", return_value=3):
        assert await store.save(1) == 3


async def test_made_and_never_called() -> None:
    AsyncMock()


async def test_context_manager() -> None:
    mock = MagicMock()
    async with mock:
        await mock.__aexit__(None, None, None)


async def test_sync_mock_returns_a_coroutine_that_is_awaited() -> None:
    mock = Mock(side_effect=save)
    assert await mock(1) == 1


def test_fake_asyncio_run_that_closes() -> None:
    def close(coroutine: Any) -> None:
        coroutine.close()

    with patch("asyncio.run", side_effect=close) as run:
        asyncio.run(save(1))
    run.assert_called_once()


def test_fake_asyncio_run_by_monkeypatch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncio, "run", lambda coroutine: coroutine.close())
    asyncio.run(save(1))


def test_closed_through_the_calls_of_a_mock() -> None:
    with patch("asyncio.run") as run:
        asyncio.run(save(1))
    run.call_args.args[0].close()


async def test_mock_wraps_the_real_one() -> None:
    mock = AsyncMock(wraps=save)
    assert await mock(1) == 1
