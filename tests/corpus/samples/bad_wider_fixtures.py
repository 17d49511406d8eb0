"""What a wider-scoped fixture holds is judged when that fixture is torn down, not before."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from typing import Any

import pytest
from store import save


@pytest.fixture(scope="class")
def registry() -> list[Any]:
    return []


class TestHeldByAClass:
    async def test_hands_one_in(self, registry: list[Any]) -> None:
        registry.append(save(1))  # FOUND missed_await call late

    async def test_innocent(self, registry: list[Any]) -> None:
        assert len(registry) == 1

    async def test_hands_one_in_as_the_last(self, registry: list[Any]) -> None:
        registry.append(save(2))  # FOUND missed_await call at teardown


@pytest.fixture(scope="class")
def two() -> Generator[list[Any], None, None]:
    coroutines = [save(1), save(2)]  # FOUND missed_await setup late of TestHalf::test_awaits_one
    yield coroutines
    coroutines.clear()


class TestHalf:
    async def test_awaits_one(self, two: list[Any]) -> None:
        assert await two[0] == 1

    async def test_innocent(self, two: list[Any]) -> None: ...


@pytest.fixture(scope="class")
async def forgetful() -> AsyncGenerator[list[Any], None]:
    kept: list[Any] = []
    yield kept
    await kept[0]


class TestForgetful:
    async def test_awaited_in_the_end(self, forgetful: list[Any]) -> None:
        forgetful.append(save(1))

    async def test_forgotten(self, forgetful: list[Any]) -> None:
        forgetful.append(save(2))  # FOUND missed_await call late

    async def test_innocent(self, forgetful: list[Any]) -> None: ...


class Client:
    """What a fixture hands out, as services do: it keeps what it was asked to send."""

    def __init__(self) -> None:
        self.outbox: dict[str, Any] = {}


@pytest.fixture(scope="module")
def client() -> Client:
    return Client()


async def test_fills_the_outbox(client: Client) -> None:
    client.outbox["first"] = save(1)  # FOUND missed_await call late


async def test_drops_from_the_outbox(client: Client) -> None:
    client.outbox["second"] = save(2)  # FOUND missed_await call
    del client.outbox["second"]


async def test_drops_what_another_made(client: Client) -> None:
    client.outbox["third"] = save(3)  # FOUND missed_await call late


async def test_innocent_of_dropping(client: Client) -> None:
    client.outbox.pop("third")


async def test_innocent_at_the_end(client: Client) -> None:
    assert "first" in client.outbox
