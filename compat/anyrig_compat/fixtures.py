"""pytest-asyncio's fixtures; the plugin registers them where the shim is in force."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import Any

import pytest

from . import loops
from .deprecations import note_use_by
from .names import SCOPES, LoopFactory, Names, Scope
from .seams.pytest import definition_of

NAMES = pytest.StashKey[Names]()
FACTORY = "_asyncio_loop_factory"  # as pytest-asyncio has it: suites ask whether a test has it
BACKEND = "anyrig_compat_backend"


def loop_fixture(scope: Scope) -> str:
    """The name of the fixture that gives the loop of a scope."""
    return f"anyrig_compat_{scope}_loop"


def own_event_loop(node: Any) -> pytest.FixtureDef[Any] | None:
    """The ``event_loop`` of the project's own that a node sees, as up to pytest-asyncio 0.26."""
    found = definition_of("event_loop", node)
    return None if found is None or found.func.__module__ == __name__ else found


def _of_scope(scope: Scope) -> Any:
    @pytest.fixture(scope=scope, name=loop_fixture(scope))
    def scoped_loop(
        request: pytest.FixtureRequest,
        event_loop_policy: Any,
        _asyncio_loop_factory: LoopFactory | None,
    ) -> Iterator[loops.ScopedLoop]:
        """The event loop of this scope, for the tests and async fixtures that ask for it."""
        names = request.config.stash[NAMES]
        own = own_event_loop(request.node)
        if own is not None and own.scope == scope:
            loop = request.getfixturevalue("event_loop")
            # whoever asks for it last, what runs on it ends before it does
            mine: Any = definition_of(loop_fixture(scope), request.node)
            own.addfinalizer(partial(mine.finish, request))
            factory: LoopFactory | None = lambda: loop  # noqa: E731 - that is all of it
        else:
            own, factory = None, _asyncio_loop_factory
        debug, closes = names.is_debug, own is None
        with loops.opened(factory, event_loop_policy, debug=debug, closes=closes) as scoped:
            yield scoped

    return scoped_loop


for _scope in SCOPES:
    globals()[loop_fixture(_scope)] = _of_scope(_scope)


@pytest.fixture(scope="session", name=FACTORY)
def loop_factory(request: pytest.FixtureRequest) -> LoopFactory | None:
    """What makes the loops of a test, where `pytest_asyncio_loop_factories` says so."""
    return getattr(request, "param", None)


@pytest.fixture(scope="session", name=BACKEND)
def backend() -> str:
    """What ``anyio_backend`` is in the tests that the shim runs."""
    return "asyncio"


# for all tests, as pytest-asyncio has it: a project's own may have parameters
@pytest.fixture(scope="session", autouse=True)
def event_loop_policy() -> Any:
    """The policy that makes the event loops; a project may have its own."""
    return loops.current_policy()


@pytest.fixture
def event_loop(request: pytest.FixtureRequest) -> asyncio.AbstractEventLoop:
    """The loop that the test runs on, as up to pytest-asyncio 0.26."""
    note_use_by(request.node, "event_loop", "asyncio.get_running_loop(), in the test")
    scoped: loops.ScopedLoop = request.getfixturevalue(loop_fixture("function"))
    return scoped.loop


# -- ports -----------------------------------------------------------------------------------------


def unused_port(kind: int) -> int:
    """A port on localhost that nobody listens on, for a kind of socket."""
    with closing(socket.socket(type=kind)) as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def _different(kind: int) -> Callable[[], int]:
    given: set[int] = set()

    def factory() -> int:
        """A port that was not given before."""
        while (port := unused_port(kind)) in given:
            pass
        given.add(port)
        return port

    return factory


@pytest.fixture
def unused_tcp_port() -> int:
    """A TCP port on localhost that nobody listens on."""
    return unused_port(socket.SOCK_STREAM)


@pytest.fixture
def unused_udp_port() -> int:
    """A UDP port on localhost that nobody listens on."""
    return unused_port(socket.SOCK_DGRAM)


@pytest.fixture(scope="session")
def unused_tcp_port_factory() -> Callable[[], int]:
    """Gives one TCP port after the other that nobody listens on."""
    return _different(socket.SOCK_STREAM)


@pytest.fixture(scope="session")
def unused_udp_port_factory() -> Callable[[], int]:
    """Gives one UDP port after the other that nobody listens on."""
    return _different(socket.SOCK_DGRAM)
