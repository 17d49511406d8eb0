"""Plain uses of doubles of real libraries' classes: ``python tests/uses_of_doubles.py [NAME ...]``.

Each is what a test of a service has in it: a double, told what to give where that is no more than
a class says, and the lines of the service. Those whose library is installed are run. ``FAIR`` names
the ones where nothing that can be read says what a call gives: there the error has to say what to
type, and so it is held against that.
"""

from __future__ import annotations

import asyncio
import re
import sys
import textwrap
import traceback
import warnings
from typing import Any

import anyrig
from anyrig.mocks import Mocks

USES = {
    "httpx_get": """
        client = mocks.create(httpx.AsyncClient)
        client.get.return_value.json.return_value = {"a": 1}
        assert (await client.get("/")).json() == {"a": 1}
    """,
    "httpx_stream": """
        client = mocks.create(httpx.AsyncClient)
        async with client.stream("GET", "/") as response:
            response.aiter_lines.return_value = ["a", "b"]
            assert [line async for line in response.aiter_lines()] == ["a", "b"]
    """,
    "httpx_entered": """
        double = mocks.create(httpx.AsyncClient)
        async with double as client:
            assert client is double
            await client.get("/")
    """,
    "httpx_patched": """
        patched = mocks.patch("httpx.AsyncClient")
        patched.return_value.get.return_value.status_code = 200
        async with httpx.AsyncClient() as client:
            assert (await client.get("/")).status_code == 200
    """,
    "aiohttp_with": """
        session = mocks.create(aiohttp.ClientSession)
        response = session.get.return_value.__aenter__.return_value
        response.json.return_value = {"a": 1}
        async with session.get("/") as found:
            assert await found.json() == {"a": 1}
    """,
    "aiohttp_await": """
        session = mocks.create(aiohttp.ClientSession)
        session.get.return_value.__aenter__.return_value.status = 200
        assert (await session.get("/")).status == 200
    """,
    "aiohttp_response": """
        session = mocks.create(aiohttp.ClientSession)
        session.post.return_value = mocks.create(aiohttp.ClientResponse, status=201)
        assert (await session.post("/")).status == 201
        async with session.post("/") as response:
            assert response.status == 201
    """,
    "aiohttp_ws": """
        session = mocks.create(aiohttp.ClientSession)
        async with session.ws_connect("/") as ws:
            await ws.send_str("a")
    """,
    "aiohttp_patched": """
        mocks.patch("aiohttp.ClientSession")
        async with aiohttp.ClientSession() as session:
            async with session.get("/") as response:
                await response.read()
    """,
    "redis_get": """
        r = mocks.create(redis.asyncio.Redis)
        r.get.return_value = b"x"
        assert await r.get("a") == b"x"
        r.get.assert_awaited_once_with("a")
    """,
    "redis_forgotten": """
        r = mocks.create(redis.asyncio.Redis)
        forgotten = r.set("a", 1)
        assert not mocks.calls(r)[0].awaited
        await forgotten
    """,
    "redis_entered": """
        double = mocks.create(redis.asyncio.Redis)
        async with double as r:
            assert r is double
            await r.incr("a")
    """,
    "redis_awaited": """
        r = mocks.create(redis.asyncio.Redis)
        assert await r is r
        other = await r.client()
        await other.ping()
    """,
    "redis_pipeline": """
        r = mocks.create(redis.asyncio.Redis)
        async with r.pipeline(transaction=True) as pipe:
            pipe.execute.return_value = [True, b"1"]
            pipe.set("a", 1).get("a")
            assert await pipe.execute() == [True, b"1"]
    """,
    "redis_pubsub": """
        r = mocks.create(redis.asyncio.Redis)
        async with r.pubsub() as pubsub:
            await pubsub.subscribe("a")
            pubsub.listen.return_value = [{"data": b"x"}]
            assert [message async for message in pubsub.listen()] == [{"data": b"x"}]
    """,
    "redis_lock": """
        r = mocks.create(redis.asyncio.Redis)
        async with r.lock("a"):
            pass
    """,
    "redis_patched": """
        patched = mocks.patch("redis.asyncio.from_url")
        patched.return_value.get.return_value = b"x"
        assert await redis.asyncio.from_url("redis://").get("a") == b"x"
    """,
    "asyncpg_fetchval": """
        connection = mocks.create(asyncpg.Connection)
        connection.fetchval.return_value = 3
        assert await connection.fetchval("select 3") == 3
    """,
    "asyncpg_transaction": """
        connection = mocks.create(asyncpg.Connection)
        async with connection.transaction():
            await connection.execute("delete")
    """,
    "asyncpg_acquire": """
        pool = mocks.create(asyncpg.Pool)
        pool.acquire.return_value.__aenter__.return_value = mocks.create(asyncpg.Connection)
        async with pool.acquire() as connection:
            await connection.execute("delete")
        await (await pool.acquire()).execute("delete")
    """,
    "asyncpg_acquire_unsaid": """
        pool = mocks.create(asyncpg.Pool)
        async with pool.acquire() as connection:
            await connection.execute("delete")
    """,
    "asyncpg_create_pool": """
        mocks.patch("asyncpg.create_pool")
        async with asyncpg.create_pool("postgres://") as pool:
            await pool.fetch("select 1")
        await (await asyncpg.create_pool("postgres://")).fetch("select 1")
    """,
    "asyncpg_connect": """
        mocks.patch("asyncpg.connect")
        connection = await asyncpg.connect("postgres://")
        await connection.fetch("select 1")
    """,
    "asyncpg_cursor": """
        connection = mocks.create(asyncpg.Connection)
        connection.cursor.return_value.__aiter__.return_value = [1, 2]
        assert [row async for row in connection.cursor("select")] == [1, 2]
    """,
    "psycopg_cursor": """
        connection = mocks.create(psycopg.AsyncConnection)
        async with connection.cursor() as cursor:
            await cursor.execute("select 1")
            cursor.fetchone.return_value = (1,)
            assert await cursor.fetchone() == (1,)
    """,
    "psycopg_rows": """
        cursor = mocks.create(psycopg.AsyncCursor)
        cursor.__aiter__.return_value = [(1,)]
        assert [row async for row in cursor] == [(1,)]
    """,
    "psycopg_connect": """
        mocks.patch("psycopg.AsyncConnection.connect")
        async with await psycopg.AsyncConnection.connect("") as connection:
            await connection.execute("select 1")
    """,
    "sqlalchemy_add": """
        session = mocks.create(sqlalchemy.ext.asyncio.AsyncSession)
        session.add(object())
        await session.commit()
    """,
    "sqlalchemy_begin": """
        session = mocks.create(sqlalchemy.ext.asyncio.AsyncSession)
        async with session.begin():
            await session.flush()
        await (await session.begin()).commit()
    """,
    "sqlalchemy_entered": """
        double = mocks.create(sqlalchemy.ext.asyncio.AsyncSession)
        async with double as session:
            assert session is double
    """,
    "sqlalchemy_execute": """
        session = mocks.create(sqlalchemy.ext.asyncio.AsyncSession)
        session.execute.return_value.scalars.return_value.all.return_value = [1]
        assert (await session.execute("select")).scalars().all() == [1]
    """,
    "sqlalchemy_scalars": """
        session = mocks.create(sqlalchemy.ext.asyncio.AsyncSession)
        session.scalars.return_value.all.return_value = [1]
        assert (await session.scalars("select")).all() == [1]
    """,
    "sqlalchemy_connect": """
        engine = mocks.create(sqlalchemy.ext.asyncio.AsyncEngine)
        async with engine.connect() as connection:
            await connection.execute("select 1")
        await (await engine.connect()).close()
    """,
    "sqlalchemy_engine_begin": """
        engine = mocks.create(sqlalchemy.ext.asyncio.AsyncEngine)
        async with engine.begin() as connection:
            await connection.execute("select 1")
    """,
    "sqlalchemy_stream": """
        connection = mocks.create(sqlalchemy.ext.asyncio.AsyncConnection)
        async with connection.stream("select") as result:
            await result.fetchone()
    """,
    "aiosqlite_with": """
        db = mocks.create(aiosqlite.Connection)
        async with db.execute("select") as cursor:
            cursor.fetchall.return_value = [(1,)]
            assert await cursor.fetchall() == [(1,)]
    """,
    "aiosqlite_await": """
        db = mocks.create(aiosqlite.Connection)
        await (await db.execute("select")).fetchone()
        await db.commit()
    """,
    "aiosqlite_fetchall": """
        db = mocks.create(aiosqlite.Connection)
        db.execute_fetchall.return_value = [(1,)]
        assert await db.execute_fetchall("select") == [(1,)]
    """,
    "aiosqlite_connect": """
        mocks.patch("aiosqlite.connect")
        async with aiosqlite.connect(":memory:") as db:
            await db.commit()
    """,
    "motor_find_one": """
        collection = mocks.create(motor.motor_asyncio.AsyncIOMotorCollection)
        collection.find_one.return_value = {"a": 1}
        assert await collection.find_one({}) == {"a": 1}
        await collection.insert_one({})
    """,
    "motor_find": """
        collection = mocks.create(motor.motor_asyncio.AsyncIOMotorCollection)
        await collection.find({}).to_list(1)
    """,
    "pymongo_find": """
        collection = mocks.create(pymongo.asynchronous.collection.AsyncCollection)
        collection.find_one.return_value = {"a": 1}
        assert await collection.find_one({}) == {"a": 1}
        collection.find.return_value.to_list.return_value = [1]
        assert await collection.find({}).to_list() == [1]
        collection.find.return_value.__aiter__.return_value = [1]
        assert [one async for one in collection.find({})] == [1]
    """,
    "pymongo_client": """
        client = mocks.create(pymongo.AsyncMongoClient)
        await client["db"]["items"].insert_one({})
    """,
    "pymongo_attribute": """
        client = mocks.create(pymongo.AsyncMongoClient)
        await client.db.items.insert_one({})
    """,
    "openai_create": """
        client = mocks.create(openai.AsyncOpenAI)
        client.chat.completions.create.return_value.choices = []
        assert (await client.chat.completions.create(model="m", messages=[])).choices == []
    """,
    "openai_patched": """
        mocks.patch("openai.AsyncOpenAI")
        async with openai.AsyncOpenAI(api_key="x") as client:
            await client.responses.create(model="m", input="a")
    """,
    "openai_list": """
        client = mocks.create(openai.AsyncOpenAI)
        client.models.list.return_value.__aiter__.return_value = [1]
        assert [model async for model in client.models.list()] == [1]
        await client.models.list()
    """,
    "anthropic_create": """
        client = mocks.create(anthropic.AsyncAnthropic)
        client.messages.create.return_value.content = []
        message = await client.messages.create(model="m", max_tokens=1, messages=[])
        assert message.content == []
    """,
    "anthropic_stream": """
        client = mocks.create(anthropic.AsyncAnthropic)
        async with client.messages.stream(model="m", max_tokens=1, messages=[]) as stream:
            stream.text_stream = iterated("a")
            assert [text async for text in stream.text_stream] == ["a"]
            await stream.get_final_message()
    """,
    "grpc_call": """
        channel = mocks.create(grpc.aio.Channel)
        stub = channel.unary_unary("/S/U")
        stub.return_value = b"a"
        assert await stub(b"") == b"a"
    """,
    "grpc_entered": """
        mocks.patch("grpc.aio.insecure_channel")
        async with grpc.aio.insecure_channel("") as channel:
            await channel.channel_ready()
    """,
    "websockets_iterated": """
        ws = mocks.create(websockets.asyncio.client.ClientConnection)
        ws.__aiter__.return_value = ["a"]
        assert [message async for message in ws] == ["a"]
        await ws.send("b")
    """,
    "websockets_connect": """
        patched = mocks.patch("websockets.asyncio.client.connect")
        async with websockets.asyncio.client.connect("ws://") as ws:
            await ws.send("b")
        await (await websockets.asyncio.client.connect("ws://")).send("b")
    """,
    "aio_pika_queue": """
        channel = mocks.create(aio_pika.Channel)
        queue = await channel.declare_queue("a")
        async with queue.iterator() as messages:
            messages.__aiter__.return_value = [1]
            assert [message async for message in messages] == [1]
    """,
    "aio_pika_transaction": """
        channel = mocks.create(aio_pika.Channel)
        async with channel.transaction():
            await channel.default_exchange.publish(object(), "a")
    """,
    "aiobotocore_call": """
        client = mocks.create(client_of_aiobotocore)
        client.send_message.return_value = {"MessageId": "a"}
        assert (await client.send_message(QueueUrl="q", MessageBody="m"))["MessageId"] == "a"
    """,
    "kubernetes_list": """
        api = mocks.create(kubernetes_asyncio.client.CoreV1Api)
        api.list_namespaced_pod.return_value = {"items": []}
        assert await api.list_namespaced_pod("default") == {"items": []}
    """,
    "kubernetes_unsaid": """
        api = mocks.create(kubernetes_asyncio.client.CoreV1Api)
        (await api.list_namespaced_pod("default")).items
    """,
    "discord_fetch": """
        client = mocks.create(discord.Client)
        user = await client.fetch_user(1)
        await user.send("a")
    """,
    "discord_wait_for": """
        client = mocks.create(discord.Client)
        client.wait_for.return_value = 3
        assert await client.wait_for("message") == 3
    """,
    "telegram_send": """
        bot = mocks.create(telegram.Bot)
        async with bot:
            await (await bot.send_message(1, "a")).reply_text("b")
    """,
    "textual_mount": """
        app = mocks.create(textual.app.App)
        await app.mount()
        await app.push_screen("a")
    """,
    "starlette_form": """
        request = mocks.create(starlette.requests.Request)
        request.json.return_value = {"a": 1}
        assert await request.json() == {"a": 1}
        async with request.form() as form:
            await form.close()
        await (await request.form()).close()
    """,
    "asyncio_streams": """
        writer = mocks.create(asyncio.StreamWriter)
        writer.write(b"a")
        await writer.drain()
        reader = mocks.create(asyncio.StreamReader)
        reader.__aiter__.return_value = [b"a"]
        assert [line async for line in reader] == [b"a"]
        async with mocks.create(asyncio.Server) as server:
            await server.serve_forever()
    """,
    "zmq_send": """
        socket = mocks.create(zmq.asyncio.Socket)
        await socket.send_string("a")
        socket.recv_json.return_value = {"a": 1}
        assert await socket.recv_json() == {"a": 1}
        socket.recv_multipart.return_value = [b"a"]
        assert await socket.recv_multipart() == [b"a"]
    """,
}  # fmt: skip

# what can be known at run time alone -> what the error has to say
FAIR = {
    "asyncpg_acquire_unsaid": "pool.acquire.return_value.__aenter__.return_value = ...",
    "asyncpg_connect": "connect.return_value = ...",
    "motor_find": "asynciomotorcollection.find.return_value = ...",
    "kubernetes_unsaid": "corev1api.list_namespaced_pod.return_value = ...",
}

_MODULES = re.compile(
    r"\b(?:redis|motor|sqlalchemy|websockets|textual|starlette|kubernetes_asyncio|pymongo|grpc|zmq)"
    r"(?:\.[a-z_]+)+(?=\.[A-Za-z])"
)
_PLAIN = ("httpx", "aiohttp", "asyncpg", "psycopg", "aiosqlite", "openai", "anthropic", "aio_pika",
          "discord", "telegram", "pymongo")  # fmt: skip


async def iterated(*values: Any) -> Any:
    """An async iterator."""
    for value in values:
        yield value


def names_of(code: str) -> dict[str, Any]:
    """What the code asks for by name; raises ImportError where it is not installed."""
    names: dict[str, Any] = {"asyncio": asyncio, "iterated": iterated}
    modules = [*_MODULES.findall(code), *(name for name in _PLAIN if f"{name}." in code)]
    for module in modules:
        parts = module.split(".")
        while parts:  # the longest part that is a module
            try:
                __import__(".".join(parts))
                break
            except ModuleNotFoundError as error:
                if len(parts) == 1:
                    raise ImportError from error
                parts.pop()
        names[parts[0]] = sys.modules[parts[0]]
    if "aiobotocore" in code:
        from doubles_of_libraries import client_of_aiobotocore

        names["client_of_aiobotocore"] = client_of_aiobotocore()
    return names


def run(name: str) -> BaseException | None:
    """What a use ends with."""
    code = textwrap.indent(textwrap.dedent(USES[name]), "    ")
    names = names_of(code)
    exec(compile(f"async def use(mocks):\n{code}", name, "exec"), names)
    mocks = Mocks()
    try:
        asyncio.run(names["use"](mocks))
    except Exception as error:  # noqa: BLE001 - is what is asked for
        return error
    finally:
        mocks.close()
    return None


def main() -> int:
    """Run what is installed; the exit status."""
    warnings.simplefilter("ignore")
    done = failed = 0
    for name in sys.argv[1:] or USES:
        try:
            error = run(name)
        except ImportError:
            print(f"{name}: not installed")
            continue
        done += 1
        if name in FAIR:
            if isinstance(error, anyrig.MockError | AttributeError) and FAIR[name] in str(error):
                continue
            print(f"{name}: not told what to type")
        if error is not None or name in FAIR:
            failed += 1
            print(f"{name}: {error!r}")
            if sys.argv[1:] and error is not None:
                traceback.print_exception(error)
    print(f"{done} uses, {len(FAIR)} of them known at run time alone: {failed} wrong")
    return 1 if failed or not done else 0


if __name__ == "__main__":
    sys.exit(main())
