"""pytest-aiohttp's fixtures, on the loop of the test; the plugin registers them where they lack.

aiohttp is what they are for, and what they are made of: it is imported when one is asked for.
"""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, closing
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from anyrig.own import asyncio

from .deprecations import note_use_by
from .following import follows_test

if TYPE_CHECKING:
    from aiohttp.test_utils import BaseTestServer, RawTestServer, TestClient, TestServer
    from aiohttp.web import Application, BaseRequest, StreamResponse

Client: TypeAlias = "TestClient[Any, Any]"
Handler: TypeAlias = "Callable[[BaseRequest], Awaitable[StreamResponse]]"

# the plugins that have these fixtures themselves
_THEIRS = ("pytest_aiohttp.plugin", "aiohttp.pytest_plugin")
_INSTEAD = "a fixture with `async with TestClient(TestServer(app)) as client:` and a yield in it"


def is_wanted(manager: pytest.PytestPluginManager) -> bool:
    """Whether aiohttp is installed, and nobody else brings these fixtures."""
    plugins = {getattr(plugin, "__name__", "") for plugin in manager.get_plugins()}
    return plugins.isdisjoint(_THEIRS) and importlib.util.find_spec("aiohttp") is not None


@pytest.fixture
@follows_test
async def aiohttp_server(
    request: pytest.FixtureRequest,
) -> AsyncGenerator[Callable[..., Awaitable[TestServer]]]:
    """Starts a server for an application; closed at the end, the last one first.

    To be awaited with the application and, by name, ``host``, ``port`` and what
    ``TestServer.start_server`` takes.
    """
    from aiohttp.test_utils import TestServer

    note_use_by(request.node, "aiohttp_server", _INSTEAD)
    async with AsyncExitStack() as ends:

        async def aiohttp_server(
            app: Application, *, host: str = "127.0.0.1", port: int | None = None, **options: Any
        ) -> TestServer:
            server = TestServer(app, host=host, port=port)
            ends.push_async_callback(server.close)
            await server.start_server(**options)
            return server

        yield aiohttp_server


@pytest.fixture
@follows_test
async def aiohttp_raw_server(
    request: pytest.FixtureRequest,
) -> AsyncGenerator[Callable[..., Awaitable[RawTestServer]]]:
    """Starts a server for one handler; closed at the end, the last one first.

    To be awaited with the handler and, by name, ``port`` and what ``RawTestServer.start_server``
    takes.
    """
    from aiohttp.test_utils import RawTestServer

    note_use_by(request.node, "aiohttp_raw_server", _INSTEAD)
    async with AsyncExitStack() as ends:

        async def aiohttp_raw_server(
            handler: Handler, *, port: int | None = None, **options: Any
        ) -> RawTestServer:
            server = RawTestServer(handler, port=port)
            ends.push_async_callback(server.close)
            await server.start_server(**options)
            return server

        yield aiohttp_raw_server


@pytest.fixture
def aiohttp_client_cls() -> type[Client]:
    """The class of the clients that `aiohttp_client` makes; a project may have its own."""
    from aiohttp.test_utils import TestClient

    found: type[Client] = TestClient
    return found


@pytest.fixture
@follows_test
async def aiohttp_client(
    request: pytest.FixtureRequest, aiohttp_client_cls: type[Client]
) -> AsyncGenerator[Callable[..., Awaitable[Client]]]:
    """Starts a client for an application or a server; closed at the end, the last one first.

    To be awaited with the application or the server and, by name, ``server_kwargs`` (for the server
    of an application) and what the client takes. A client closes its server.
    """
    from aiohttp.test_utils import BaseTestServer, TestServer
    from aiohttp.web import Application

    note_use_by(request.node, "aiohttp_client", _INSTEAD)
    async with AsyncExitStack() as ends:

        async def aiohttp_client(
            served: Application | BaseTestServer,
            *,
            server_kwargs: Mapping[str, Any] | None = None,
            **options: Any,
        ) -> Client:
            if isinstance(served, Application):
                server: BaseTestServer = TestServer(served, **(server_kwargs or {}))
            elif isinstance(served, BaseTestServer):
                server = served
            else:
                # as pytest-aiohttp has it
                raise ValueError(f"Unknown argument type: {type(served)!r}")
            client = aiohttp_client_cls(server, **options)
            ends.push_async_callback(client.close)
            await client.start_server()
            return client

        yield aiohttp_client


@pytest.fixture
def aiohttp_unused_port(request: pytest.FixtureRequest) -> Callable[[], int]:
    """Gives a TCP port on localhost that nobody listens on."""
    from aiohttp.test_utils import unused_port

    note_use_by(request.node, "aiohttp_unused_port", "anyio's fixture free_tcp_port_factory")
    found: Callable[[], int] = unused_port
    return found


# -- as up to pytest-aiohttp 0.3 -------------------------------------------------------------------


@pytest.fixture
@follows_test
async def loop(request: pytest.FixtureRequest) -> asyncio.AbstractEventLoop:
    """The event loop that the test runs on."""
    note_use_by(request.node, "loop", "asyncio.get_running_loop(), in the async function itself")
    return asyncio.get_running_loop()


@pytest.fixture
def proactor_loop(request: pytest.FixtureRequest) -> Iterator[asyncio.AbstractEventLoop]:
    """A loop of Windows' own kind, for a test that runs it itself."""
    note_use_by(request.node, "proactor_loop", "nothing: it is what asyncio has by default")
    make: Any = getattr(asyncio, "ProactorEventLoop", None)
    if make is None:
        raise RuntimeError("the fixture proactor_loop is for Windows, which alone has such a loop")
    with closing(make()) as made:
        yield made
