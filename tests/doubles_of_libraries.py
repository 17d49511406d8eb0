"""Doubles of the classes of real libraries: ``python tests/doubles_of_libraries.py [--docs]``.

For each class that is installed, each public method's double is called, and what it gives is held
against the table below: awaited, entered by ``async with``, iterated by ``async for``, or none of
these. What is a coroutine function, an async generator function, or made by `asynccontextmanager`
is told by its own flags; of all else the table says what the library's documentation says. One
that is wrong, in the double or in the table, makes the script fail. ``--docs`` writes the table of
docs/doubles.md anew; that takes all of the libraries.
"""

from __future__ import annotations

import argparse
import contextlib
import inspect
import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from pkgutil import resolve_name
from typing import Any
from unittest.mock import NonCallableMock

from anyrig import mocks

_PAGE = Path(__file__).resolve().parent.parent / "docs" / "doubles.md"
_START, _END = "<!-- table: made by tests/doubles_of_libraries.py -->", "<!-- end -->"
_ASYNC_CONTEXT: Any = contextlib.asynccontextmanager(contextlib.aclosing).__code__  # type: ignore[arg-type]
_WAYS = {"await": "__await__", "with": "__aenter__", "for": "__aiter__"}


@dataclass(frozen=True, slots=True)
class Row:
    """One class, and what its methods give that are no coroutine functions.

    ``gives`` has what the methods give whose whole names match a pattern, the first that does:
    "sync", ways from `_WAYS`, a class by its dotted name, or "unsaid" where code alone decides.
    ``first`` is what a method that is asked by nothing else gives.
    """

    cls: str
    package: str
    gives: Mapping[str, str] = field(default_factory=dict)
    first: str = "sync"
    itself: str = ""  # the ways of an object of the class


_REDIS = {
    "bf|cf|cms|topk|tdigest|ft|json|ts|graph|bitfield|get_.*|set_re.*|load_external_module": "sync",
    "command_docs|failover|hello|latency_(doctor|graph|histogram)": "sync",  # these raise
    "client|from_(pool|url)": "redis.asyncio.client:Redis",
    "pubsub": "redis.asyncio.client:PubSub",
    "pipeline": "redis.asyncio.client:Pipeline",
    "monitor": "redis.asyncio.client:Monitor",
    "lock": "redis.asyncio.lock:Lock",
    "register_script": "sync",
}
_SQLALCHEMY = "sqlalchemy.ext.asyncio"
_PAGINATED = {"get_api_list": "await for"}

ROWS = (
    Row("httpx:AsyncClient", "httpx", itself="with"),
    Row(
        "aiohttp:ClientSession",
        "aiohttp",
        {"detach": "sync", "ws_connect": "await with"},
        "await with",
        itself="with",
    ),
    Row("redis.asyncio:Redis", "redis", _REDIS, "await", itself="await with"),
    Row(
        "redis.asyncio.client:Pipeline",
        "redis",
        {
            **_REDIS,
            "multi|annotate_exception|raise_first_error": "sync",
            "close": "await",
        },
        "redis.asyncio.client:Pipeline",
        itself="await with",
    ),
    Row("asyncpg:Connection", "asyncpg", {"cursor": "await for", "transaction": "with"}),
    Row("asyncpg:Pool", "asyncpg", {"acquire": "await with"}, itself="await with"),
    Row("psycopg:AsyncConnection", "psycopg", {"cursor": "with for"}, itself="with"),
    Row("psycopg:AsyncCursor", "psycopg", itself="with for"),
    Row(
        f"{_SQLALCHEMY}:AsyncSession",
        "SQLAlchemy",
        {"begin|begin_nested": "await with"},
        itself="with",
    ),
    Row(f"{_SQLALCHEMY}:AsyncEngine", "SQLAlchemy", {"connect": "await with"}),
    Row(
        f"{_SQLALCHEMY}:AsyncConnection",
        "SQLAlchemy",
        {"begin|begin_nested|stream|stream_scalars": "await with"},
        itself="await with",
    ),
    Row("aiosqlite:Connection", "aiosqlite", {"stop": "sync"}, "await with", itself="await with"),
    Row(
        "motor.motor_asyncio:AsyncIOMotorClient",
        "motor",
        {"get_(default_)?database": "sync", "get_.*|watch|wrap": "unsaid"},
        "await",
    ),
    Row(
        "motor.motor_asyncio:AsyncIOMotorCollection",
        "motor",
        {
            "get_.*|watch|wrap|with_options|find|find_raw_batches": "unsaid",
            "aggregate|aggregate_raw_batches|list_.*": "unsaid",
        },
        "await",
    ),
    Row("pymongo:AsyncMongoClient", "pymongo", {"start_session": "with"}, itself="with"),
    Row("openai:AsyncOpenAI", "openai", {**_PAGINATED, "copy|with_.*": "with"}, itself="with"),
    Row(
        "anthropic:AsyncAnthropic",
        "anthropic",
        {**_PAGINATED, "copy|with_.*": "with"},
        itself="with",
    ),
    Row("grpc.aio:Channel", "grpcio", itself="with"),
    Row("websockets.asyncio.client:ClientConnection", "websockets", itself="with for"),
    Row(
        "aio_pika:Channel",
        "aio-pika",
        {"closed": "await", "transaction": "with"},
        itself="await with",
    ),
    Row("kubernetes_asyncio.client:CoreV1Api", "kubernetes_asyncio", first="await"),
    Row(
        "discord:Client",
        "discord.py",
        {"create_guild|wait_for": "await"},
        itself="with",
    ),
    Row("telegram:Bot", "python-telegram-bot", {"de_json|get_bot": "with"}, itself="with"),
    Row(
        "textual.app:App",
        "textual",
        {
            "mount|mount_all|pop_screen|push_screen|remove_mode|switch_mode": "await",
            "switch_screen|search_commands": "await",
        },
    ),
    Row("starlette.requests:Request", "starlette", {"form": "await with"}),
    Row("asyncio:StreamWriter", "python"),
    Row("asyncio:StreamReader", "python", itself="for"),
    Row("asyncio:Server", "python", itself="with"),
    Row(
        "zmq.asyncio:Socket",
        "pyzmq",
        {"(send|recv)(?!_monitor).*|poll": "await"},
    ),
)


def client_of_aiobotocore() -> Any:
    """A client: its methods are made when it is, of what the service's description says."""
    import asyncio

    get_session = resolve_name("aiobotocore.session:get_session")

    async def make() -> Any:
        keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
        async with get_session().create_client("sqs", region_name="eu-west-1", **keys) as client:
            return client

    return asyncio.run(make())


_BOTOCORE = Row(
    "aiobotocore.client:AioBaseClient",
    "aiobotocore",
    {"can_paginate|get_paginator|get_waiter|generate_presigned_.*|exceptions": "sync"},
    "await",
    itself="with",
)


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found of one class."""

    row: Row
    version: str
    methods: int
    unsaid: int
    wrong: tuple[str, ...]


def check(row: Row, real: Any) -> Checked:
    """Hold each public method's double against the table."""
    double = mocks.create(real)
    names = [name for name in dir(real) if not name.startswith("_")]
    wrong, unsaid, methods = [], 0, 0
    found = ways_of(double)
    if found != row.itself:
        wrong.append(f"itself: {found or 'sync'} in place of {row.itself or 'sync'}")
    for name in names:
        function = raw(real, name)
        if isinstance(function, type) or not callable(function):
            continue
        methods += 1
        expected = expected_of(row, name, function)
        try:
            result = given(getattr(double, name))
        except Exception as error:  # noqa: BLE001 - told as what is wrong
            wrong.append(f"{name}: {error!r}")
            continue
        is_unsaid = type(result).__name__ == "NotGiven"
        unsaid += is_unsaid and expected == "unsaid"
        got = "unsaid" if is_unsaid and expected == "unsaid" else ways_of(result)
        if got != ("" if expected == "sync" else expected):
            wrong.append(f"{name}: {got or 'sync'} in place of {expected}")
    return Checked(row, version_of(row.package), methods, unsaid, tuple(wrong))


def raw(real: Any, name: str) -> Any:
    """A method as it stands in its class."""
    found = inspect.getattr_static(real, name)
    return found.__func__ if isinstance(found, staticmethod | classmethod) else found


def expected_of(row: Row, name: str, function: Any) -> str:
    """The ways of what a method gives; by its own flags, or by the table."""
    if inspect.iscoroutinefunction(function):
        return "await"
    if inspect.isasyncgenfunction(function):
        return "for"
    if getattr(function, "__code__", None) is _ASYNC_CONTEXT:
        return "with"
    said = next((says for key, says in row.gives.items() if re.fullmatch(key, name)), row.first)
    if ":" not in said:
        return said
    return " ".join(way for way, magic in _WAYS.items() if hasattr(resolve_name(said), magic))


def given(method: Any) -> Any:
    """What a double gives; its arguments are no matter."""
    arguments: dict[str, Any] = {}
    positional = []
    with contextlib.suppress(ValueError, TypeError):
        for parameter in inspect.signature(method).parameters.values():
            if parameter.default is not parameter.empty:
                continue
            if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
                positional.append(NonCallableMock())
            elif parameter.kind is parameter.KEYWORD_ONLY:
                arguments[parameter.name] = NonCallableMock()
    result = method(*positional, **arguments)
    if inspect.iscoroutine(result):
        result.close()
    return result


def ways_of(thing: Any) -> str:
    """What may be done with it."""
    if inspect.isasyncgen(thing):
        return "for"
    return " ".join(way for way, magic in _WAYS.items() if hasattr(type(thing), magic))


def version_of(package: str) -> str:
    """The version that is installed."""
    return sys.version.split()[0] if package == "python" else metadata.version(package)


def installed() -> Iterator[tuple[Row, Any]]:
    """The rows whose libraries are there, with their classes."""
    for row in ROWS:
        with contextlib.suppress(ImportError):
            yield row, resolve_name(row.cls)
    with contextlib.suppress(ImportError):
        yield _BOTOCORE, client_of_aiobotocore()


def table(found: list[Checked]) -> str:
    """As the documentation has it."""
    head = "| class | package | version | methods | not said | wrong |"
    lines = [head, "|---|---|---|---|---|---|"]
    lines += [
        f"| `{one.row.cls.replace(':', '.')}` | {one.row.package} | {one.version} | {one.methods} "
        f"| {one.unsaid or ''} | {len(one.wrong)} |"
        for one in found
    ]
    return "\n".join(lines)


def main() -> int:
    """Check what is installed; the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--docs", action="store_true", help="write the table of docs/doubles.md")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # what the libraries themselves say of each other
    found = [check(row, real) for row, real in installed()]
    print(table(found))
    for one in found:
        for wrong in one.wrong:
            print(f"{one.row.cls} {one.version}: {wrong}")
    total = sum(len(one.wrong) for one in found)
    print(f"{len(found)} classes, {sum(one.methods for one in found)} methods, {total} wrong")
    if options.docs:
        text = _PAGE.read_text(encoding="utf-8")
        before, after = text.split(_START)[0], text.split(_END)[1]
        _PAGE.write_text(f"{before}{_START}\n\n{table(found)}\n\n{_END}{after}", encoding="utf-8")
    return 1 if total or not found else 0


if __name__ == "__main__":
    sys.exit(main())
