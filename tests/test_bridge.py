"""Bridged values: what belongs to asyncio's side, used from trio's as if it were its own."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import dataclasses
import functools
import inspect
import pickle
import sys
import traceback
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self
from unittest.mock import AsyncMock, MagicMock

import anyio
import pytest
import sniffio
import trio
from trio.testing import MockClock

import anyrig_compat
from anyrig_compat import Guest, bridge, call_on_trio, on_asyncio, open_asyncio, unbridge
from inner import Suite

USER: contextvars.ContextVar[str] = contextvars.ContextVar("user", default="nobody")


@pytest.fixture
def anyio_backend() -> Any:
    """These tests are about a guest, so they run on trio, and in time of its own."""
    return ("trio", {"clock": MockClock(autojump_threshold=0)})


@pytest.fixture
async def guest() -> AsyncGenerator[Guest]:
    """The guest that the bridged things of a test belong to."""
    async with open_asyncio() as guest:
        yield guest


class Session:
    """A thing of asyncio's, of the sort that fixtures give."""

    name = "main"

    def __init__(self) -> None:
        self.left_with: BaseException | None = None
        self.tasks: list[asyncio.Task[str]] = []
        self.numbers = [1, 2]

    async def get(self, path: str) -> str:
        assert sniffio.current_async_library() == "asyncio"
        await asyncio.sleep(1)
        return f"{self.name} {path}"

    async def fail(self) -> None:
        await asyncio.sleep(1)
        raise LookupError("gone")

    def start(self, path: str) -> asyncio.Task[str]:
        """A task, which a sync method of a running loop makes."""
        task = asyncio.get_running_loop().create_task(self.get(path))
        self.tasks.append(task)
        return task

    def fail_at_once(self) -> None:
        raise LookupError("gone at once")

    def where(self) -> str:
        return sniffio.current_async_library()

    async def user(self) -> str:
        return USER.get()

    async def rows(self, count: int) -> AsyncGenerator[int]:
        for number in range(count):
            await asyncio.sleep(1)
            yield number

    async def another(self) -> Session:
        return Session()

    async def __aenter__(self) -> Self:
        self.entered_in = asyncio.current_task()
        await asyncio.sleep(1)
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, frames: object) -> bool:
        assert asyncio.current_task() is self.entered_in
        await asyncio.sleep(1)
        self.left_with = error
        return isinstance(error, KeyError)


@dataclasses.dataclass
class Point:
    x: int
    where: Path


@dataclasses.dataclass
class Held:
    session: Session


class Pair(NamedTuple):
    session: Session
    number: int


class Plain:
    def __init__(self) -> None:
        self.values = [1]


PLAIN: list[Any] = [
    1,
    2.5,
    "text",
    b"bytes",
    None,
    True,
    Path("."),
    [1, [2]],
    {"a": (1, 2)},
    (1, "b"),
    {1},
    Point(1, Path(".")),
    Plain(),
    Plain,
    int,
    LookupError("gone"),
    sys,
    len,
    MagicMock(),
    AsyncMock(),
]


@pytest.mark.parametrize("value", PLAIN, ids=lambda value: type(value).__name__)
async def test_what_needs_no_bridge_is_itself(guest: Guest, value: Any) -> None:
    """Plain data, their classes and doubles are given as they are."""
    assert bridge(value) is value


def _sync() -> None: ...


def _generated() -> Iterator[int]:
    yield 1


BRIDGED: list[Any] = [
    Session(),
    Session,
    Session().get,
    Session().start,
    _sync,
    functools.partial(_sync),
    asyncio.Queue[int](),
    asyncio.Event(),
    asyncio.Queue,
    asyncio.Protocol(),
    Held(Session()),
    [Session()],
    {"session": Session()},
    _generated(),
]


@pytest.mark.parametrize("value", BRIDGED, ids=lambda value: type(value).__name__)
async def test_what_needs_a_bridge_has_one(guest: Guest, value: Any) -> None:
    """What is asyncio's, or may give such a thing, is a proxy that is taken for the real one."""
    bridged = bridge(value)
    assert bridged is not value
    assert bridged == value
    assert isinstance(bridged, type(value))
    assert unbridge(bridged) is value
    assert bridge(bridged) is bridged


async def test_a_method_runs_on_asyncio(guest: Guest) -> None:
    """An async method is awaited from trio, runs as a task of asyncio, and takes trio's time."""
    session = bridge(Session())
    before = trio.current_time()
    assert await session.get("/") == "main /"
    assert trio.current_time() - before == 1


async def test_a_call_gives_a_coroutine(guest: Guest) -> None:
    """A call that is not awaited yet is a coroutine, by the name of the user's own function."""
    call = bridge(Session()).get("/")
    assert inspect.iscoroutine(call)
    assert (call.__name__, call.__qualname__) == ("get", "Session.get")
    assert await call == "main /"


async def test_trio_can_start_a_method(guest: Guest) -> None:
    """A bridged method is an async function for trio's own calls."""
    session = bridge(Session())
    assert inspect.iscoroutinefunction(session.get)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(session.get, "/")
        nursery.start_soon(session.get, "/")
    assert trio.current_time() - await _now() == 0


async def _now() -> float:
    return trio.current_time()


async def test_results_are_bridged_in_turn(guest: Guest) -> None:
    """What a bridged call gives can be used on trio as well."""
    other = await bridge(Session()).another()
    assert await other.get("/") == "main /"


async def test_a_task_of_a_sync_method(guest: Guest) -> None:
    """A sync method finds its loop running, and the task that it gives is awaited on trio."""
    session = bridge(Session())
    assert session.where() == "asyncio"
    assert sniffio.current_async_library() == "trio"
    task = session.start("/")
    assert isinstance(task, asyncio.Task)
    assert await task == "main /"
    assert (task.done(), task.result(), task.cancelled()) == (True, "main /", False)


async def test_a_sync_call_runs_nothing_else(guest: Guest) -> None:
    """A sync call runs no callback of asyncio's: trio's code is not interrupted by it."""
    called: list[str] = []
    guest.loop.call_soon(called.append, "later")
    assert bridge(Session()).where() == "asyncio"
    assert called == []
    await trio.sleep(1)
    assert called == ["later"]


async def test_a_callback_is_noticed_at_once(guest: Guest) -> None:
    """What a sync method schedules runs though trio waits for it alone, and time need not pass."""
    before = trio.current_time()
    event = trio.Event()
    loop = bridge(guest.loop)
    loop.call_soon(event.set)
    await event.wait()
    assert trio.current_time() == before
    event = trio.Event()
    loop.call_later(5, event.set)
    await event.wait()
    assert trio.current_time() - before == 5


async def test_tasks_are_cancelled_and_awaited(guest: Guest) -> None:
    """A bridged task is cancelled by its method, or by who waits for it, as asyncio has it."""
    session = bridge(Session())
    task = session.start("/")
    assert task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()
    task = session.start("/")
    with trio.move_on_after(0.5) as scope:
        await task
    assert scope.cancelled_caught
    assert task.cancelled()


async def test_futures(guest: Guest) -> None:
    """A bridged future gives its result or its error to whoever awaits it on trio."""
    future = bridge(guest.loop).create_future()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_set_later, future)
        assert await future == 5
    failed = bridge(guest.loop).create_future()
    failed.set_exception(LookupError("gone"))
    with pytest.raises(LookupError, match="gone"):
        await failed


async def _set_later(future: asyncio.Future[int]) -> None:
    await trio.sleep(1)
    future.set_result(5)


async def test_errors_keep_their_lines(guest: Guest) -> None:
    """An error is raised at the user's line, from the line that raised it, with few of ours."""
    session = bridge(Session())
    with pytest.raises(LookupError, match="gone") as caught:
        await session.fail()
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert (names[0], names[-1]) == ("test_errors_keep_their_lines", "fail")
    shown = [entry.name for entry in caught.traceback.filter(caught)]
    assert shown == ["test_errors_keep_their_lines", "fail"]
    with pytest.raises(LookupError, match="at once") as caught:
        session.fail_at_once()
    assert [entry.name for entry in caught.traceback.filter(caught)] == [
        "test_errors_keep_their_lines",
        "fail_at_once",
    ]


async def test_a_block(guest: Guest) -> None:
    """``async with`` enters and leaves in one task of asyncio's, and gives the same proxy."""
    session = bridge(Session())
    async with session as entered:
        assert entered is session
        assert await session.get("/") == "main /"
    assert session.left_with is None


async def test_a_blocks_error(guest: Guest) -> None:
    """The error of a block goes to the manager, which may take it."""
    session = bridge(Session())
    async with session:
        raise KeyError("taken")
    assert isinstance(session.left_with, KeyError)
    error = LookupError("gone")
    with pytest.raises(LookupError) as caught:
        async with session:
            raise error
    assert caught.value is error is session.left_with


async def test_a_cancelled_block(guest: Guest) -> None:
    """trio's cancellation leaves a block with CancelledError, and lets it clean up."""
    session = bridge(Session())
    before = trio.current_time()
    with trio.move_on_after(5) as scope:
        async with session:
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert isinstance(session.left_with, asyncio.CancelledError)
    assert trio.current_time() - before == 6


async def test_a_block_is_left_in_a_cancelled_scope(guest: Guest) -> None:
    """What is cancelled while its body ends, by an error or not, is left whole all the same."""
    session = bridge(Session())
    with trio.CancelScope() as scope:
        async with session:
            scope.cancel()
        session.name = "left"
    assert (session.name, session.left_with) == ("left", None)
    error = LookupError("gone")

    async def fails(scope: trio.CancelScope) -> None:
        async with session:
            scope.cancel()
            raise error

    with pytest.raises(LookupError) as caught, trio.CancelScope() as scope:
        await fails(scope)
    assert caught.value is error is session.left_with
    assert asyncio.all_tasks(guest.loop) == set()


async def test_a_cancelled_entry(guest: Guest) -> None:
    """A cancellation on the way in leaves nothing behind, also where nothing has begun."""
    for seconds in (0, 0.5):
        with trio.move_on_after(seconds) as scope:
            async with bridge(Session()):
                raise AssertionError
        assert scope.cancelled_caught
    await trio.sleep(1)
    assert [task.get_name() for task in asyncio.all_tasks(guest.loop)] == []


async def test_a_failing_entry(guest: Guest) -> None:
    """What ``__aenter__`` raises is raised at the block, once."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[None]:
        await asyncio.sleep(1)
        await Session().fail()
        yield

    with pytest.raises(LookupError, match="gone"):
        async with bridge(opened)():
            raise AssertionError


async def test_asyncio_cancels_a_block(guest: Guest) -> None:
    """A timeout of asyncio's ends a block of trio's code, as it would one of its own."""
    before = trio.current_time()
    with pytest.raises(TimeoutError):
        async with bridge(asyncio.timeout)(5):
            await trio.sleep_forever()
    assert trio.current_time() - before == 5
    async with bridge(asyncio.timeout)(5):
        await trio.sleep(1)


async def test_a_task_group_around_a_block(guest: Guest) -> None:
    """A failing task of asyncio's task group cancels the block on trio, and its error is raised."""
    session = Session()
    seen: list[str] = []

    async def block() -> None:
        async with bridge(asyncio.TaskGroup)() as group:
            group.create_task(session.fail())
            try:
                await trio.sleep_forever()
            finally:
                seen.append("left")

    with pytest.raises(ExceptionGroup) as caught:
        await block()
    assert seen == ["left"]
    assert [type(error) for error in caught.value.exceptions] == [LookupError]


async def test_a_cancelled_keeper(guest: Guest) -> None:
    """Who cancels the asyncio task that holds a block ends the block with CancelledError."""
    session = Session()

    async def enters() -> None:
        async with bridge(session):
            assert session.entered_in is not None
            session.entered_in.cancel()
            await trio.sleep_forever()

    with pytest.raises(asyncio.CancelledError):
        await enters()
    assert isinstance(session.left_with, asyncio.CancelledError)


async def test_a_lock(guest: Guest) -> None:
    """One lock is entered by many trio tasks, one after the other."""
    lock = bridge(asyncio.Lock())
    seen: list[int] = []

    async def work(number: int) -> None:
        async with lock:
            assert lock.locked()
            seen.append(number)
            await trio.sleep(1)
            seen.append(number)

    async with trio.open_nursery() as nursery:
        for number in range(3):
            nursery.start_soon(work, number)
    assert seen[::2] == seen[1::2]
    assert not lock.locked()


async def test_a_generator(guest: Guest) -> None:
    """``async for`` runs each step on asyncio's side; the methods of a generator cross too."""
    rows = bridge(Session()).rows(3)
    assert aiter(rows) is rows
    assert await anext(rows) == 0
    assert await rows.asend(None) == 1
    assert [row async for row in rows] == [2]
    rows = bridge(Session()).rows(3)
    assert await anext(rows) == 0
    with pytest.raises(LookupError, match="thrown"):
        await rows.athrow(LookupError("thrown"))
    await rows.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(rows)


async def test_a_queue_is_filled_from_trio(guest: Guest) -> None:
    """A queue has asyncio's code at one end and trio's at the other."""
    queue = bridge(asyncio.Queue[int](1))
    real = unbridge(queue)
    got: list[int] = []

    async def reads() -> None:
        while len(got) < 3:
            got.append(await real.get())

    task = bridge(guest.loop).create_task(reads())
    for number in range(3):
        await queue.put(number)
    await task
    assert got == [0, 1, 2]
    queue.put_nowait(4)
    with pytest.raises(asyncio.QueueFull):
        queue.put_nowait(5)
    assert (await queue.get(), queue.empty()) == (4, True)


async def test_a_class_is_called(guest: Guest) -> None:
    """A bridged class, or a factory, makes its objects on asyncio's side and gives them bridged."""
    cls = bridge(Session)
    session = cls()
    assert isinstance(session, cls)
    assert await session.get("/") == "main /"

    def make() -> tuple[Session, int]:
        return Session(), asyncio.get_running_loop() is guest.loop

    made, is_running = bridge(make)()
    assert (is_running, await made.get("/")) == (True, "main /")


async def test_a_subclass_of_a_bridged_class(guest: Guest) -> None:
    """A class may be made from a bridged one."""

    class Mine(bridge(Session)):  # type: ignore[misc]
        name = "mine"

    assert issubclass(Mine, Session)
    assert await bridge(Mine()).get("/") == "mine /"


async def test_containers(guest: Guest) -> None:
    """A tuple is one of bridged parts; a list or dict is the very same, bridged when read."""
    pair = bridge(Pair(Session(), 1))
    assert type(pair) is Pair
    assert await pair.session.get("/") == "main /"
    sessions = [Session()]
    bridged = bridge(sessions)
    bridged.append(bridge(Session()))
    assert [type(one) for one in sessions] == [Session, Session]
    assert [await session.get("/") for session in bridged] == ["main /", "main /"]
    assert await bridge({"one": sessions})["one"][0].get("/") == "main /"
    held = bridge(Held(Session()))
    assert await held.session.get("/") == "main /"


async def test_a_container_that_holds_itself(guest: Guest) -> None:
    """A list in a ring is looked through once."""
    ring: list[Any] = [1]
    ring.append(ring)
    assert bridge(ring) is ring


async def test_arguments_go_over_as_real_things(guest: Guest) -> None:
    """A proxy is unwrapped when it goes to asyncio's side, in the usual containers as well."""
    seen: list[Any] = []

    def take(*args: Any, **kwargs: Any) -> None:
        seen.extend([*args, *kwargs.values()])

    real = Session()
    session: Any = bridge(real)
    plain = [1]
    bridge(take)(session, [session], (session,), plain, key={"a": session})
    assert seen == [real, [real], (real,), plain, {"a": real}]
    assert all(type(one) is Session for one in (seen[0], seen[1][0], seen[2][0], seen[4]["a"]))
    assert seen[3] is plain
    session.left_with = session
    assert vars(real)["left_with"] is real
    del session.left_with
    assert not hasattr(real, "left_with")


async def test_a_proxy_on_asyncios_side(guest: Guest) -> None:
    """asyncio's own code that gets hold of a proxy uses the real thing by it."""
    session = bridge(Session())

    async def there() -> list[Any]:
        async with session as entered:
            assert type(entered) is Session
        assert type(session.numbers) is list
        assert type(session.start("/")) is asyncio.Task
        rows = [row async for row in session.rows(2)]
        return [await session.get("/"), rows, await session.start("/")]

    assert await on_asyncio(there) == ["main /", [0, 1], "main /"]


async def test_bridged_coroutines_can_be_gathered(guest: Guest) -> None:
    """The coroutine of a bridged call may be awaited by asyncio's code."""
    session = bridge(Session())

    async def both() -> list[str]:
        return list(await asyncio.gather(session.get("/a"), first))

    first = session.get("/b")
    assert await on_asyncio(both) == ["main /a", "main /b"]


async def test_a_callback_of_trios(guest: Guest) -> None:
    """asyncio's code awaits a function of trio's by call_on_trio: bridged, and unwrapped back."""

    class Server:
        async def serve(self, handler: Any) -> Session:
            session = await handler(Session())
            assert type(session) is Session
            return session

    async def handler(session: Session) -> Session:
        assert sniffio.current_async_library() == "trio"
        await trio.sleep(1)
        assert await session.get("/") == "main /"
        return session

    served = await bridge(Server()).serve(functools.partial(call_on_trio, handler))
    assert await served.get("/") == "main /"
    assert isinstance(await call_on_trio(handler, bridge(Session())), Session)


async def test_an_async_argument_runs_on_asyncio(guest: Guest) -> None:
    """An async function that is given to asyncio's code runs where that awaits it."""

    class Server:
        async def serve(self, handler: Any) -> Any:
            return await handler()

    async def handler() -> str:
        await anyio.sleep(1)
        return sniffio.current_async_library()

    assert await bridge(Server()).serve(handler) == "asyncio"


async def test_context_variables(guest: Guest) -> None:
    """What trio's side has set before a call, asyncio's sees in it."""
    token = USER.set("somebody")
    try:
        assert await bridge(Session()).user() == "somebody"
    finally:
        USER.reset(token)


async def test_a_coroutine_object(guest: Guest) -> None:
    """A coroutine of asyncio's can be bridged itself, and any other awaitable."""

    class Later:
        def __await__(self) -> Any:
            return Session().get("/").__await__()

    assert await bridge(Session().get("/")) == "main /"
    assert await bridge(Later()) == "main /"
    assert inspect.isawaitable(bridge(Later()))
    assert not inspect.isawaitable(bridge(Session()))


async def test_what_is_both_awaited_and_entered(guest: Guest) -> None:
    """An object that may be awaited or entered is both on trio, as a sync method gives it."""

    class Opening:
        def __await__(self) -> Any:
            return Session().another().__await__()

        async def __aenter__(self) -> Session:
            return await Session().another()

        async def __aexit__(self, *error: object) -> None: ...

    class Client:
        def get(self) -> Opening:
            return Opening()

        async def close(self) -> None: ...

    client = bridge(Client())
    assert await (await client.get()).get("/") == "main /"
    async with client.get() as session:
        assert await session.get("/") == "main /"


async def test_as_the_real_one(guest: Guest) -> None:
    """A proxy's text, hash, order, length and docs are those of the real thing."""
    real = Session()
    session = bridge(real)
    assert repr(session) == repr(real)
    assert str(session) == str(real)
    assert hash(session) == hash(real)
    assert {session: 1}[real] == 1
    assert session.get.__doc__ == real.get.__doc__
    assert inspect.signature(session.get) == inspect.signature(real.get)
    assert session.name == "main"
    assert dir(session) == dir(real)
    assert (len(bridge([real])), bool(bridge([real]))) == (1, True)
    assert session.numbers is real.numbers


class Holder:
    """What can be copied and pickled, and needs a bridge."""

    def __init__(self) -> None:
        self.value = 1

    async def get(self) -> int:
        return self.value


async def test_copies(guest: Guest) -> None:
    """A copy of a proxy, deep or by pickle, is a proxy of a copy."""
    holder = bridge(Holder())
    for made in (copy.copy(holder), copy.deepcopy(holder), pickle.loads(pickle.dumps(holder))):
        assert type(made) is type(holder)
        assert unbridge(made) is not unbridge(holder)
        assert await made.get() == 1


async def test_sync_blocks_and_loops(guest: Guest) -> None:
    """``with`` and ``for`` run on asyncio's side, and what they give is bridged."""

    class Opened:
        async def close(self) -> None: ...

        def __enter__(self) -> Session:
            assert asyncio.get_running_loop() is guest.loop
            return Session()

        def __exit__(self, *error: object) -> None:
            assert asyncio.get_running_loop() is guest.loop

        def __iter__(self) -> Iterator[Session]:
            assert asyncio.get_running_loop() is guest.loop
            yield Session()

    opened = bridge(Opened())
    with opened as session:
        assert await session.get("/") == "main /"
    for session in opened:
        assert await session.get("/") == "main /"


async def test_anyio_on_both_sides(guest: Guest) -> None:
    """Code of anyio's works on either side of a bridged call."""

    class Pinger:
        async def ping(self) -> str:
            with anyio.move_on_after(1):
                await anyio.sleep_forever()
            return sniffio.current_async_library()

    with anyio.fail_after(5):
        assert await bridge(Pinger()).ping() == "asyncio"
    with anyio.move_on_after(0.5) as scope:
        await bridge(Pinger()).ping()
    assert scope.cancelled_caught


async def test_a_proxy_without_a_loop() -> None:
    """A bridged call where no loop is open says what to write; sync ones are plain calls."""
    session = bridge(Session())
    assert session.name == "main"
    with pytest.raises(RuntimeError, match="open_asyncio"):
        await session.get("/")


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_on_asyncio_nothing_is_bridged() -> None:
    """In a test on asyncio a value is itself."""
    session = Session()
    assert bridge(session) is session
    assert await call_on_trio(session.get, "/") == "main /"


def test_without_wrapt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where wrapt is missing, the error says what to install."""
    monkeypatch.setitem(sys.modules, "wrapt", None)
    monkeypatch.delitem(sys.modules, "anyrig_compat.proxies", raising=False)
    monkeypatch.delattr(anyrig_compat, "proxies", raising=False)
    with pytest.raises(ImportError, match=r'pip install "anyrig\[compat\]"'):
        bridge(Session())


MISSED = """
import asyncio
import pytest
from anyrig_compat import bridge, open_asyncio

class Session:
    async def get(self, path):
        return path

    def later(self, path):
        return self.get(path)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *error):
        pass

@pytest.fixture
def anyio_backend():
    return "trio"

@pytest.fixture
async def session():
    async with open_asyncio():
        yield bridge(Session())

async def test_drops(session):
    session.get("/")

async def test_drops_what_a_sync_method_gave(session):
    session.later("/")

async def test_drops_on_asyncio(session):
    async def there():
        session.get("/")
    await bridge(there)()

async def test_drops_an_entry(session):
    session.__aenter__()

async def test_awaits_all(session):
    await session.get("/")
    await session.later("/")
    async with session:
        pass
"""


def test_a_missed_await_of_a_bridged_call(suite: Suite) -> None:
    """A bridged call that is not awaited fails its test, at the user's line, by the user's name."""
    suite.write("test_it.py", MISSED)
    ran = suite.spawn()
    assert ran.counts == {"failed": 4, "passed": 1}
    lines = MISSED.lstrip("\n").splitlines()
    told = [(one.what, one.origin and lines[one.origin.lineno - 1]) for one in suite.findings]
    assert told == [
        ("the coroutine `Session.get`", '    session.get("/")'),
        ("the coroutine `Session.get`", '    session.later("/")'),
        ("the coroutine `Session.get`", '        session.get("/")'),
        ("the coroutine `Session.__aenter__`", "    session.__aenter__()"),
    ]
