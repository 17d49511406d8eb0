"""pytest-asyncio's fixtures; the plugin registers them where the shim is in force."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import Any, NamedTuple, Self

import pytest

from anyrig.own import asyncio, socket

from . import loops
from .deprecations import note_use_by
from .marks import params_of
from .names import SCOPES, LoopFactory, Names, Scope
from .seams.pytest import definition_of

NAMES = pytest.StashKey[Names]()
FACTORY = "_asyncio_loop_factory"  # as pytest-asyncio has it: suites ask whether a test has it
POLICY = "event_loop_policy"
BACKEND = "anyrig_compat_backend"


def loop_fixture(scope: Scope) -> str:
    """The name of the fixture that gives the loop of a scope."""
    return f"anyrig_compat_{scope}_loop"


def current_policy(names: Names) -> Any:
    """The policy for the fixture of the run; noted, for the loops that ask for no fixture."""
    names.policy = loops.current_policy()
    return names.policy


def is_own(definition: pytest.FixtureDef[Any]) -> bool:
    """Whether a definition is the project's own, and not ours."""
    return bool(definition.func.__module__ != __name__)


def _own(name: str, node: Any) -> pytest.FixtureDef[Any] | None:
    found = definition_of(name, node)
    return found if found is not None and is_own(found) else None


class Seen(NamedTuple):
    """What the tests of one node see: a look-up for each test would take longer than its loop."""

    # these three, of the project's own; `event_loop` as up to pytest-asyncio 0.26
    event_loop: pytest.FixtureDef[Any] | None = None
    policy: pytest.FixtureDef[Any] | None = None
    factory: pytest.FixtureDef[Any] | None = None
    backend: pytest.FixtureDef[Any] | None = None

    @classmethod
    def by(cls, item: pytest.Item) -> Self:
        """What a test sees, and all others of the same parent."""
        event_loop, policy, factory = (_own(name, item) for name in ("event_loop", POLICY, FACTORY))
        return cls(event_loop, policy, factory, definition_of(BACKEND, item))


def _loop_of(
    request: pytest.FixtureRequest,
    own: pytest.FixtureDef[Any] | None,
    policy: Any,
    factory: LoopFactory | None,
) -> Iterator[loops.ScopedLoop]:
    """The loop for the fixture of a scope; ``own`` is the project's ``event_loop``, if any."""
    names = request.config.stash[NAMES]
    if own is not None and own.scope == request.scope:
        loop = request.getfixturevalue("event_loop")
        # whoever asks for it last, what runs on it ends before it does
        mine: Any = definition_of(loop_fixture(own.scope), request.node)
        own.addfinalizer(partial(mine.finish, request))
        factory = lambda: loop  # noqa: E731 - that is all of it
    else:
        own = None
    with loops.opened(factory, policy, debug=names.is_debug, closes=own is None) as scoped:
        yield scoped


def loop_of_test(request: pytest.FixtureRequest, seen: Seen) -> Iterator[loops.ScopedLoop]:
    """The loop for the fixture of one test, which sees this.

    What it needs is asked for only where it is not known: each fixture that another one takes costs
    each test, and most of all `request`.
    """
    policy, factory = request.config.stash[NAMES].policy, None
    if seen.policy is not None or policy is None:
        policy = request.getfixturevalue(POLICY)
    if seen.factory is not None or FACTORY in params_of(request.node):
        factory = request.getfixturevalue(FACTORY)
    yield from _loop_of(request, seen.event_loop, policy, factory)


@pytest.fixture(name=loop_fixture("function"))
def _function_loop() -> None:
    """The event loop of a test; `loop_of_test` is called in its place."""


def _of_scope(scope: Scope) -> Any:
    @pytest.fixture(scope=scope, name=loop_fixture(scope))
    def scoped_loop(
        request: pytest.FixtureRequest,
        event_loop_policy: Any,
        _asyncio_loop_factory: LoopFactory | None,
    ) -> Iterator[loops.ScopedLoop]:
        """The event loop of this scope, for the tests and async fixtures that ask for it."""
        own = request.config.stash[NAMES].own_loop
        yield from _loop_of(request, own, event_loop_policy, _asyncio_loop_factory)

    return scoped_loop


for _scope in SCOPES[1:]:  # all that are wider than a test
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
    # `current_policy` is called in its place: each fixture that it took would cost each test


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
