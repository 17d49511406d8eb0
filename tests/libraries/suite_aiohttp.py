"""Healthy tests of an aiohttp server and its clients, on a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

TICKS: web.AppKey[asyncio.Queue[int]] = web.AppKey("ticks", asyncio.Queue)


async def home(request: web.Request) -> web.Response:
    return web.json_response({"name": request.query.get("name", "nobody")})


async def socket(request: web.Request) -> web.WebSocketResponse:
    response = web.WebSocketResponse()
    await response.prepare(request)
    async for message in response:
        await response.send_str(message.data.upper())
    return response


async def lines(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for number in range(3):
        await response.write(f"{number}\n".encode())
    await response.write_eof()
    return response


async def ticker(app: web.Application) -> AsyncIterator[None]:
    async def tick() -> None:
        number = 0
        while True:
            app[TICKS].put_nowait(number)
            number += 1
            await asyncio.sleep(0.001)

    task = asyncio.create_task(tick())
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def client() -> AsyncIterator[TestClient[web.Request, web.Application]]:
    app = web.Application()
    app[TICKS] = asyncio.Queue()
    app.cleanup_ctx.append(ticker)
    app.add_routes([web.get("/", home), web.get("/socket", socket), web.get("/lines", lines)])
    async with TestClient(TestServer(app)) as client:
        yield client


Client = TestClient[web.Request, web.Application]


async def test_a_request(client: Client) -> None:
    async with client.get("/", params={"name": "Ann"}) as response:
        assert await response.json() == {"name": "Ann"}


async def test_a_request_that_is_awaited(client: Client) -> None:
    response = await client.get("/")
    assert await response.json() == {"name": "nobody"}


async def test_a_socket(client: Client) -> None:
    async with client.ws_connect("/socket") as ws:
        await ws.send_str("ham")
        assert (await ws.receive()).data == "HAM"


async def test_a_body_in_lines(client: Client) -> None:
    async with client.get("/lines") as response:
        assert [line async for line in response.content] == [b"0\n", b"1\n", b"2\n"]


async def test_a_task_of_the_server(client: Client) -> None:
    app = client.app
    assert app is not None
    assert [await app[TICKS].get() for _ in range(3)] == [0, 1, 2]


async def test_requests_at_once(client: Client) -> None:
    async def name_of(name: str) -> str:
        async with client.get("/", params={"name": name}) as response:
            return str((await response.json())["name"])

    assert await asyncio.gather(*map(name_of, "abc")) == ["a", "b", "c"]


async def test_a_timeout(client: Client) -> None:
    timeout = aiohttp.ClientTimeout(total=0.01)
    async with client.ws_connect("/socket") as ws:
        with pytest.raises(asyncio.TimeoutError):
            await ws.receive(timeout=timeout.total)


async def test_a_session_of_ones_own(client: Client) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(client.make_url("/"), raise_for_status=True) as response,
    ):
        assert response.status == 200


async def test_nobody_listens() -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get("http://127.0.0.1:9/")
