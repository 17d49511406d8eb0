"""Healthy tests of a service that asks another by httpx."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

import anyio
import httpx
import pytest

PAGES = {"/orders": [1, 2], "/orders?page=2": [3]}


class Body(httpx.AsyncByteStream):
    """A body that comes in pieces."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            await anyio.sleep(0)
            yield piece

    async def aclose(self) -> None:
        self.closed = True


BODY = Body([b"one\n", b"two\n", b"three\n"])


async def answer(request: httpx.Request) -> httpx.Response:
    if request.url.path == "/slow":
        await anyio.sleep_forever()
    if request.url.path == "/broken":
        raise httpx.ConnectError("no route", request=request)
    if request.url.path == "/lines":
        return httpx.Response(200, stream=BODY)
    if request.method == "POST":
        return httpx.Response(201, json={"size": len(await request.aread())})
    key = request.url.raw_path.decode()
    return httpx.Response(200, json=PAGES[key])


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.MockTransport(answer)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        yield client


async def test_a_page(client: httpx.AsyncClient) -> None:
    response = await client.get("/orders")
    assert response.json() == [1, 2]


async def test_pages_at_once(client: httpx.AsyncClient) -> None:
    found: dict[str, list[int]] = {}

    async def fetch(path: str) -> None:
        found[path] = (await client.get(path)).json()

    async with anyio.create_task_group() as group:
        for path in PAGES:
            group.start_soon(fetch, path)
    assert found == PAGES


async def test_a_stream_is_read_to_its_end(client: httpx.AsyncClient) -> None:
    async with client.stream("GET", "/lines") as response:
        assert [line async for line in response.aiter_lines()] == ["one", "two", "three"]
    assert BODY.closed


async def test_a_stream_is_left_after_its_first_line(client: httpx.AsyncClient) -> None:
    async with (
        client.stream("GET", "/lines") as response,
        aclosing(response.aiter_lines()) as lines,
    ):
        async for line in lines:
            assert line == "one"
            break


async def test_a_request_times_out(client: httpx.AsyncClient) -> None:
    with anyio.move_on_after(0.01) as scope:
        await client.get("/slow")
    assert scope.cancelled_caught


async def test_no_connection(client: httpx.AsyncClient) -> None:
    with pytest.raises(httpx.ConnectError, match="no route"):
        await client.get("/broken")


async def test_what_is_sent_comes_in_pieces(client: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"12"
        yield b"345"

    response = await client.post("/orders", content=pieces())
    assert response.json() == {"size": 5}


async def test_hooks() -> None:
    seen: list[str] = []

    async def asked(request: httpx.Request) -> None:
        seen.append(request.url.path)

    async def answered(response: httpx.Response) -> None:
        await response.aread()
        seen.append(response.text)

    async with httpx.AsyncClient(
        transport=httpx.MockTransport(answer),
        base_url="http://shop",
        event_hooks={"request": [asked], "response": [answered]},
    ) as client:
        await client.get("/orders?page=2")
    assert seen == ["/orders", "[3]"]


async def test_a_client_that_is_closed_by_hand() -> None:
    client = httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://shop")
    try:
        assert (await client.get("/orders")).is_success
    finally:
        await client.aclose()
    assert client.is_closed


async def test_digest_of_many_pages(client: httpx.AsyncClient) -> None:
    async def every() -> AsyncIterator[int]:
        for path in PAGES:
            for number in (await client.get(path)).json():
                yield number

    assert [number async for number in every()] == [1, 2, 3]
