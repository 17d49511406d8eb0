"""Healthy tests of a starlette app: in process, by its own client, with sockets and tasks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx
import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.endpoints import WebSocketEndpoint
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

LOG: list[str] = []


async def log(line: str) -> None:
    await anyio.sleep(0)
    LOG.append(line)


def sync_log(line: str) -> None:
    LOG.append(line)


async def home(request: Request) -> Response:
    return JSONResponse({"state": request.app.state.name}, background=BackgroundTask(log, "home"))


def in_a_thread(request: Request) -> Response:
    return PlainTextResponse("thread", background=BackgroundTask(sync_log, "thread"))


async def numbers(request: Request) -> Response:
    async def body() -> AsyncIterator[str]:
        for number in range(3):
            yield f"{number}\n"
            await anyio.sleep(0)

    return StreamingResponse(body())


async def echo(request: Request) -> Response:
    return PlainTextResponse(await request.body())


async def breaks(request: Request) -> Response:
    raise RuntimeError("it is broken")


class Named(BaseHTTPMiddleware):
    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        response = await call_next(request)
        response.headers["x-name"] = "shop"
        return response


class Echo(WebSocketEndpoint):
    encoding = "text"

    async def on_receive(self, websocket: WebSocket, data: Any) -> None:
        await websocket.send_text(data.upper())


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    async with anyio.create_task_group() as group:
        app.state.name = "open"
        group.start_soon(anyio.sleep_forever)
        yield
        group.cancel_scope.cancel()


@pytest.fixture
def app() -> Starlette:
    LOG.clear()
    routes = [
        Route("/", home),
        Route("/thread", in_a_thread),
        Route("/numbers", numbers),
        Route("/echo", echo, methods=["POST"]),
        Route("/breaks", breaks),
        WebSocketRoute("/socket", Echo),
    ]
    return Starlette(routes=routes, lifespan=lifespan, middleware=[Middleware(Named)])


@pytest.fixture
async def client(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    app.state.name = "in process"
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://shop"
    ) as client:
        yield client


async def test_in_process(client: httpx.AsyncClient) -> None:
    response = await client.get("/")
    assert response.json() == {"state": "in process"}
    assert response.headers["x-name"] == "shop"
    assert LOG == ["home"]


async def test_a_sync_endpoint(client: httpx.AsyncClient) -> None:
    assert (await client.get("/thread")).text == "thread"
    assert LOG == ["thread"]


async def test_a_stream(client: httpx.AsyncClient) -> None:
    async with client.stream("GET", "/numbers") as response:
        assert [line async for line in response.aiter_lines()] == ["0", "1", "2"]


async def test_a_body(client: httpx.AsyncClient) -> None:
    assert (await client.post("/echo", content=b"ham")).text == "ham"


async def test_an_error_reaches_the_test(client: httpx.AsyncClient) -> None:
    with pytest.raises(RuntimeError, match="it is broken"):
        await client.get("/breaks")


async def test_many_at_once(client: httpx.AsyncClient) -> None:
    async with anyio.create_task_group() as group:
        for path in ["/", "/thread", "/numbers"] * 5:
            group.start_soon(client.get, path)
    assert sorted(LOG) == ["home"] * 5 + ["thread"] * 5


def test_its_own_client(app: Starlette) -> None:
    with TestClient(app) as client:
        assert client.get("/").json() == {"state": "open"}
        assert client.get("/numbers").text == "0\n1\n2\n"


def test_a_socket(app: Starlette) -> None:
    with TestClient(app) as client, client.websocket_connect("/socket") as socket:
        socket.send_text("ham")
        assert socket.receive_text() == "HAM"


def test_a_client_without_a_lifespan(app: Starlette) -> None:
    app.state.name = "never begun"
    assert TestClient(app).get("/").json() == {"state": "never begun"}


async def test_the_lifespan_by_hand(app: Starlette) -> None:
    async with lifespan(app):
        assert app.state.name == "open"
