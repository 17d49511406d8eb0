"""Healthy tests of a grpc.aio server and its client, on a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest


def same(data: bytes) -> bytes:
    return data


class Shop(grpc.GenericRpcHandler):
    def service(self, details: Any) -> Any:
        return {
            "/shop/Upper": grpc.unary_unary_rpc_method_handler(self.upper, same, same),
            "/shop/Count": grpc.unary_stream_rpc_method_handler(self.count, same, same),
            "/shop/Sum": grpc.stream_unary_rpc_method_handler(self.sum, same, same),
            "/shop/Echo": grpc.stream_stream_rpc_method_handler(self.echo, same, same),
            "/shop/Refuse": grpc.unary_unary_rpc_method_handler(self.refuse, same, same),
            "/shop/Wait": grpc.unary_unary_rpc_method_handler(self.wait, same, same),
        }.get(details.method)

    async def upper(self, request: bytes, context: Any) -> bytes:
        return request.upper()

    async def count(self, request: bytes, context: Any) -> AsyncIterator[bytes]:
        for number in range(int(request)):
            yield str(number).encode()

    async def sum(self, requests: AsyncIterator[bytes], context: Any) -> bytes:
        return str(sum([int(one) async for one in requests])).encode()

    async def echo(self, requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        async for one in requests:
            yield one

    async def refuse(self, request: bytes, context: Any) -> bytes:
        await context.abort(grpc.StatusCode.NOT_FOUND, "no such order")
        raise AssertionError("it is aborted")

    async def wait(self, request: bytes, context: Any) -> bytes:
        await asyncio.sleep(60)
        return b""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def channel() -> AsyncIterator[Any]:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Shop(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel
    await server.stop(None)


async def test_a_call(channel: Any) -> None:
    assert await channel.unary_unary("/shop/Upper")(b"ham") == b"HAM"


async def test_a_stream_of_answers(channel: Any) -> None:
    call = channel.unary_stream("/shop/Count")(b"3")
    assert [one async for one in call] == [b"0", b"1", b"2"]


async def test_a_stream_that_is_read_by_hand(channel: Any) -> None:
    call = channel.unary_stream("/shop/Count")(b"2")
    assert await call.read() == b"0"
    call.cancel()


async def test_a_stream_of_requests(channel: Any) -> None:
    async def numbers() -> AsyncIterator[bytes]:
        for number in range(4):
            yield str(number).encode()

    assert await channel.stream_unary("/shop/Sum")(numbers()) == b"6"


async def test_both(channel: Any) -> None:
    call = channel.stream_stream("/shop/Echo")()
    await call.write(b"a")
    assert await call.read() == b"a"
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF


async def test_a_refusal(channel: Any) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await channel.unary_unary("/shop/Refuse")(b"")
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


async def test_a_deadline(channel: Any) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as late:
        await channel.unary_unary("/shop/Wait")(b"", timeout=0.05)
    assert late.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_calls_at_once(channel: Any) -> None:
    upper = channel.unary_unary("/shop/Upper")
    assert await asyncio.gather(upper(b"a"), upper(b"b")) == [b"A", b"B"]
