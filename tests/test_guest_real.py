"""Real asyncio-only parts that serve tests on trio, in real time and in virtual time."""

from __future__ import annotations

import pytest

from inner import Suite

PLUGINS = ("anyio", "anyrig", "anyrig_compat")

SUITE = """
import asyncio
import pytest
import pytest_asyncio
import aiohttp
import aiosqlite
from aiohttp import web
from aiohttp.test_utils import TestServer

{mark}

@pytest_asyncio.fixture
async def server():
    async def hello(request):
        await asyncio.sleep(0.01)
        return web.json_response({{"hello": request.query["name"]}})

    app = web.Application()
    app.router.add_get("/", hello)
    async with TestServer(app) as server:
        yield server

@pytest_asyncio.fixture
async def session():
    async with aiohttp.ClientSession() as session:
        yield session

@pytest_asyncio.fixture
async def database(tmp_path):
    async with aiosqlite.connect(tmp_path / "it.db") as database:
        await database.execute("create table visits (name text)")
        yield database

@pytest.mark.anyio
async def test_http(server, session):
    async with session.get(server.make_url("/"), params={{"name": "Ada"}}) as response:
        assert await response.json() == {{"hello": "Ada"}}

@pytest.mark.anyio
async def test_database(database):
    await database.execute("insert into visits values ('Ada')")
    async with database.execute("select name from visits") as rows:
        assert [row async for row in rows] == [("Ada",)]

@pytest_asyncio.fixture
async def echo():
    async def serve(reader, writer):
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield await asyncio.open_connection(*server.sockets[0].getsockname())

@pytest.mark.anyio
async def test_streams(echo):
    reader, writer = echo
    writer.write(b"hello\\n")
    await writer.drain()
    assert await reader.readline() == b"hello\\n"
    writer.close()
    await writer.wait_closed()

@pytest_asyncio.fixture
async def process():
    process = await asyncio.create_subprocess_exec("cat", stdin=-1, stdout=-1)
    yield process
    await process.wait()

@pytest.mark.anyio
async def test_subprocess(process):
    said, _ = await process.communicate(b"hello")
    assert said == b"hello"
"""


@pytest.mark.parametrize("mark", ["", 'pytestmark = pytest.mark.anyrig(clock="virtual")'])
def test_real_parts(suite: Suite, mark: str) -> None:
    """aiohttp, aiosqlite, streams and a subprocess work in tests on asyncio and on trio."""
    suite.write("test_it.py", SUITE.format(mark=mark))
    ran = suite.spawn("-v", "--anyrig-leaked-threads=off", plugins=PLUGINS)
    assert ran.counts == {"passed": 8}, ran.text
