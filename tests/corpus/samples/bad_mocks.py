"""Async mocks that are called and not awaited."""

from __future__ import annotations

from typing import Any
from unittest.mock import AsyncMock, MagicMock, call, create_autospec, patch

import pytest
import store
from store import Store

registry = AsyncMock(name="registry")


async def test_called_and_dropped() -> None:
    mock = AsyncMock()
    mock(1)  # FOUND missed_await call
    mock.assert_called_once_with(1)


async def test_attribute() -> None:
    mock = AsyncMock()
    mock.client.session.get("/")  # FOUND missed_await call


async def test_child_that_is_sync_in_reality() -> None:
    mock = AsyncMock()
    mock.headers.update(x=1)  # FOUND missed_await call


async def test_spec() -> None:
    mock = AsyncMock(spec=Store)
    mock.save(1)  # FOUND missed_await call


async def test_autospec_of_a_class() -> None:
    mock: Any = create_autospec(Store)
    mock().save(1)  # FOUND missed_await call


async def test_autospec_of_a_function() -> None:
    mock: Any = create_autospec(store.save)
    mock(1)  # FOUND missed_await call


async def test_patch() -> None:
    with patch("store.save") as mock:
        store.save(1)  # FOUND missed_await call
        mock.assert_called_once_with(1)


@patch("store.save")
async def test_patch_as_a_decorator(mock: AsyncMock) -> None:
    store.save(1)  # FOUND missed_await call


@patch.object(Store, "save", autospec=True)
async def test_patch_object_with_autospec(mock: Any) -> None:
    Store().save(1)  # FOUND missed_await call


async def test_side_effect() -> None:
    mock = AsyncMock(side_effect=[1, 2])
    await mock()
    mock()  # FOUND missed_await call


async def test_held_by_a_global_list() -> None:
    KEPT.append(registry.fetch(1))  # FOUND missed_await call


KEPT: list[Any] = []


def test_in_a_sync_test() -> None:
    MagicMock(spec=Store).save(1)  # FOUND missed_await call


async def test_awaited_once_called_twice() -> None:
    mock = AsyncMock()
    await mock(1)
    mock(2)  # FOUND missed_await call
    assert mock.mock_calls == [call(1), call(2)]


async def test_in_a_helper() -> None:
    use(AsyncMock())


def use(client: Any) -> None:
    client.send("hello")  # FOUND missed_await call of test_in_a_helper


async def test_through_monkeypatch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "save", AsyncMock())
    store.save(1)  # FOUND missed_await call


@pytest.fixture
def client() -> AsyncMock:
    client = AsyncMock()
    client.connect()  # FOUND missed_await setup of test_fixture_forgets
    return client


async def test_fixture_forgets(client: AsyncMock) -> None:
    await client.close()


async def test_async_enter_of_a_mock() -> None:
    mock = MagicMock()
    mock.__aenter__(mock)  # FOUND missed_await call
