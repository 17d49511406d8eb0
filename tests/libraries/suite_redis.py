"""Healthy tests of redis.asyncio, on fakeredis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import fakeredis
import pytest
from redis.exceptions import WatchError


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def redis() -> AsyncIterator[Any]:
    client = fakeredis.FakeAsyncRedis(decode_responses=True)
    yield client
    await client.aclose()


async def test_a_value(redis: Any) -> None:
    await redis.set("name", "Ann")
    assert await redis.get("name") == "Ann"


async def test_a_pipeline(redis: Any) -> None:
    async with redis.pipeline(transaction=True) as pipe:
        assert await pipe.set("a", 1).incr("a").get("a").execute() == [True, 2, "2"]


async def test_a_pipeline_that_is_left(redis: Any) -> None:
    async with redis.pipeline() as pipe:
        pipe.set("a", 1)
    assert await redis.get("a") is None


async def test_a_watched_key(redis: Any) -> None:
    await redis.set("a", 1)
    async with redis.pipeline() as pipe:
        await pipe.watch("a")
        await redis.set("a", 2)
        pipe.multi()
        pipe.incr("a")
        with pytest.raises(WatchError):
            await pipe.execute()


async def test_messages(redis: Any) -> None:
    async with redis.pubsub() as pubsub:
        await pubsub.subscribe("news")
        await redis.publish("news", "ham")
        found = []
        async for message in pubsub.listen():
            if message["type"] == "message":
                found.append(message["data"])
                break
        assert found == ["ham"]
        await pubsub.unsubscribe("news")


async def test_a_reader_beside(redis: Any) -> None:
    async with redis.pubsub() as pubsub:
        await pubsub.subscribe("news")
        heard: asyncio.Queue[str] = asyncio.Queue()

        async def read() -> None:
            async for message in pubsub.listen():
                if message["type"] == "message":
                    await heard.put(message["data"])

        task = asyncio.create_task(read())
        await redis.publish("news", "eggs")
        assert await heard.get() == "eggs"
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_keys_one_by_one(redis: Any) -> None:
    await redis.mset({f"key{number}": number for number in range(5)})
    found = [key async for key in redis.scan_iter("key*")]
    assert sorted(found) == [f"key{number}" for number in range(5)]


async def test_calls_at_once(redis: Any) -> None:
    assert sorted(await asyncio.gather(*(redis.incr("n") for _ in range(5)))) == [1, 2, 3, 4, 5]


async def test_a_list_that_is_waited_for(redis: Any) -> None:
    async with asyncio.TaskGroup() as group:
        waits = group.create_task(redis.blpop("list", timeout=5))
        group.create_task(redis.rpush("list", "ham"))
    assert list(waits.result()) == ["list", "ham"]
