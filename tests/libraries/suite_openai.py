"""Healthy tests of openai's async client, with a transport of the test's own."""

from __future__ import annotations

import importlib
import json
from collections.abc import AsyncIterator
from typing import Any

import anyio
import openai
import pytest

# what this version of openai is built on: httpx, or its successor
_BASE = next(one for one in openai.DefaultAsyncHttpxClient.__mro__ if one.__name__ == "AsyncClient")
httpx: Any = importlib.import_module(_BASE.__module__.partition(".")[0])
CHAT = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "ham"}}
    ],
}


def piece(text: str) -> str:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    body = {**CHAT, "object": "chat.completion.chunk", "choices": [choice]}
    return f"data: {json.dumps(body)}\n\n"


class Sent(httpx.AsyncByteStream):  # type: ignore[misc]
    async def __aiter__(self) -> AsyncIterator[bytes]:
        for text in "abc":
            await anyio.sleep(0)
            yield piece(text).encode()
        yield b"data: [DONE]\n\n"

    async def aclose(self) -> None: ...


async def answer(request: Any) -> Any:
    asked = json.loads(await request.aread())
    if asked["model"] == "busy":
        return httpx.Response(429, json={"error": {"message": "later"}})
    if asked["model"] == "slow":
        await anyio.sleep_forever()
    if asked.get("stream"):
        headers = {"content-type": "text/event-stream"}
        return httpx.Response(200, stream=Sent(), headers=headers)
    return httpx.Response(200, json=CHAT)


@pytest.fixture
async def client() -> AsyncIterator[openai.AsyncOpenAI]:
    http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    async with openai.AsyncOpenAI(api_key="none", http_client=http, max_retries=0) as client:
        yield client


ASKED: Any = [{"role": "user", "content": "?"}]


async def test_an_answer(client: openai.AsyncOpenAI) -> None:
    found = await client.chat.completions.create(model="m", messages=ASKED)
    assert found.choices[0].message.content == "ham"


async def test_a_stream(client: openai.AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(model="m", messages=ASKED, stream=True)
    assert [part.choices[0].delta.content async for part in stream] == ["a", "b", "c"]


async def test_a_stream_that_is_left(client: openai.AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(model="m", messages=ASKED, stream=True)
    async with stream:
        async for part in stream:
            assert part.choices[0].delta.content == "a"
            break


async def test_a_refusal(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.RateLimitError):
        await client.chat.completions.create(model="busy", messages=ASKED)


async def test_a_question_that_is_given_up(client: openai.AsyncOpenAI) -> None:
    with anyio.move_on_after(0.01) as scope:
        await client.chat.completions.create(model="slow", messages=ASKED)
    assert scope.cancelled_caught


async def test_questions_at_once(client: openai.AsyncOpenAI) -> None:
    found: list[Any] = []

    async def ask() -> None:
        found.append(await client.chat.completions.create(model="m", messages=ASKED))

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(ask)
    assert len(found) == 3


async def test_the_raw_answer(client: openai.AsyncOpenAI) -> None:
    raw = await client.chat.completions.with_raw_response.create(model="m", messages=ASKED)
    assert raw.parse().choices[0].message.content == "ham"


async def test_the_raw_stream(client: openai.AsyncOpenAI) -> None:
    create = client.chat.completions.with_streaming_response.create
    async with create(model="m", messages=ASKED) as response:
        assert json.loads(await response.read())["id"] == "1"
