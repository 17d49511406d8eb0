"""What a call gives, read where annotations are of no use alone: shapes that libraries have."""

# ruff: noqa: PYI019, RET504 - libraries are written so, and it is what is asked for here
# mypy: disable-error-code="no-any-return,no-untyped-call,no-untyped-def,truthy-bool,unreachable"

from __future__ import annotations

import asyncio
import contextlib
import functools
import sys
import types
import typing
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator
from typing import Any, Generic, TypeVar

import pytest

import anyrig
from anyrig import mocks as am
from anyrig.mocks.bodies import Body, body_of
from anyrig.mocks.nature import Called, Nature, of_instance

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
B = TypeVar("B", bound="Base")
R = TypeVar("R")


class Row:
    """What it is about in the end."""

    async def text(self) -> str:
        return ""


class Result(contextlib.AbstractAsyncContextManager[T], Coroutine[Any, Any, T]):
    """Of a coroutine: awaited, or entered; its only generic bases are Python's own."""

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None: ...

    def __await__(self) -> Generator[Any, None, T]:
        raise NotImplementedError

    async def __aenter__(self) -> T:
        raise NotImplementedError

    async def __aexit__(self, *error: object) -> None: ...

    def send(self, value: Any) -> Any: ...
    def throw(self, *error: Any) -> Any: ...
    def close(self) -> None: ...


def giving_result(method: Callable[..., Coroutine[Any, Any, T]]) -> Callable[..., Result[T]]:
    """A decorator that copies the annotation of what it wraps, and gives something else."""

    @functools.wraps(method)
    def wrapper(self: Any, *args: Any) -> Result[T]:
        return Result(method(self, *args))

    return wrapper


class Started(Generic[T]):
    """Both, and typed by a class of its own."""

    def __await__(self) -> Generator[Any, Any, T]:
        raise NotImplementedError

    async def __aenter__(self) -> T:
        raise NotImplementedError

    async def __aexit__(self, *error: object) -> None: ...


class Iterated(Started[T]):
    """Made by a decorator from an async generator."""

    def __init__(self, function: Callable[..., AsyncIterator[T]], args: Any) -> None: ...


def started(function: Callable[..., AsyncIterator[T]]) -> Callable[..., Started[T]]:
    """As a decorator that makes such a one."""

    @functools.wraps(function)
    def helper(*args: Any) -> Started[T]:
        return Iterated(function, args)

    return helper


class Rows(Started["Row"]):
    """Its argument is a name in a text."""


class Form(Awaitable[T_co], contextlib.AbstractAsyncContextManager[T_co], typing.Protocol):
    """A protocol that says no more than its bases."""


class Transaction:
    """Entered alone, and without an annotation."""

    async def __aenter__(self):
        return self

    async def __aexit__(self, *error: object) -> None: ...


class Base:
    """Sync: a command gives a value, or what a subclass makes of it."""

    def run(self, *words: str) -> Any: ...

    def get(self, key: str) -> Awaitable[Any] | Any:
        return self.run("get", key)

    def count(self) -> int | None:
        return self.run("count")

    def sort(self) -> Awaitable[list[str]] | list[str]:
        found = self.run("sort")
        return found

    def unsaid(self, key: str):
        return self.run("unsaid", key)

    def twin(self) -> Base:
        return Base()

    def again(self) -> Base:
        self.run()
        return self.itself()

    def itself(self):
        return self

    def other(self: B) -> B:
        raise NotImplementedError

    @classmethod
    def made(cls: type[B]) -> B:
        raise NotImplementedError


class Client(Base):
    """The async one of both."""

    async def run(self, *words: str) -> Any: ...

    def __await__(self):
        return self.opened().__await__()

    async def opened(self: B) -> B:
        return self

    async def __aenter__(self: B) -> B:
        return self

    async def __aexit__(self, *error: object) -> None: ...

    def batch(self) -> Batch:
        raise NotImplementedError

    def transaction(self):
        return Transaction()

    @giving_result
    async def execute(self) -> Row:
        raise NotImplementedError

    @started
    async def stream(self) -> AsyncIterator[Row]:
        raise NotImplementedError
        yield

    def rows(self) -> Rows:
        raise NotImplementedError

    def form(self) -> Form[Row]:
        raise NotImplementedError

    def started(self) -> Started[Row]:
        raise NotImplementedError

    async def __aiter__(self) -> AsyncIterator[str]:
        yield ""

    def in_a_thread(self):
        loop = self.loop  # type: ignore[attr-defined]
        return loop.run_in_executor(None, print)

    def either(self, is_row: bool) -> Rows | Started[Row]:
        raise NotImplementedError

    @typing.overload
    def overloaded(self, key: int) -> Row: ...
    @typing.overload
    def overloaded(self, key: str) -> Row | Rows: ...
    def overloaded(self, key: object) -> Row | Rows:
        raise NotImplementedError


class Batch(Client):
    """Its commands give itself, which is awaited where it has to be."""

    def run(self, *words: str) -> Batch | Awaitable[Batch]:  # type: ignore[override]
        raise NotImplementedError


class Sockets(Generic[T]):
    """An async kind of what a base class has sync: the base's annotations do not hold."""

    Future: type[asyncio.Future[Any]]

    def run(self, *words: str) -> Any:
        made = self.Future()
        return made


class Socket(Sockets[int], Base):
    """Both."""

    Future = asyncio.Future


class Api:
    """What it calls is an attribute that ``__init__`` makes."""

    def __init__(self, caller: Caller | None = None, row: Row | None = None) -> None:
        if caller is None:
            caller = Caller()
        self.caller = caller
        self.row = row or Row()
        self.either = row if caller else Caller()
        self.url = "text"

    def pods(self, name):
        return self.pods_with_info(name)

    def pods_with_info(self, name):
        return self.caller.call(name)


class Caller:
    """It hands on to a private method of its own."""

    def call(self, name, in_pool=False):
        if in_pool:
            return self.pool.apply(self.__call, name)  # type: ignore[attr-defined]
        return self.__call(name)

    async def __call(self, name):
        data = await self.asked(name)
        data = self.read(data)
        return data

    async def asked(self, name: str) -> Row:
        return Row()

    def read(self, data: Any) -> Any:
        return data.json()


class Ring:
    """Each of its functions gives what the other one does."""

    def first(self):
        return self.second()

    def second(self):
        return self.first() or self.second()


class Database:
    """Any attribute is one of its tables."""

    def __getattr__(self, name: str) -> Row:
        raise NotImplementedError


def nature(cls: type, name: str) -> Nature:
    """The nature of a method."""
    found = of_instance(cls).attribute(name)
    assert isinstance(found, Nature)
    return found


def ways(thing: object) -> str:
    """What may be done with it."""
    names = {"await": "__await__", "with": "__aenter__", "for": "__aiter__"}
    return " ".join(way for way, name in names.items() if hasattr(type(thing), name))


@pytest.mark.parametrize("name", ["get", "count", "sort", "unsaid"])
@pytest.mark.parametrize(
    ("cls", "called"), [(Base, Called.SYNC), (Client, Called.ASYNC), (Batch, Called.SYNC)]
)
def test_command_is_as_its_class_runs_it(cls: type, called: Called, name: str) -> None:
    """One of a base class is async where the class at hand has made async what it calls."""
    assert nature(cls, name).called is called


@pytest.mark.parametrize("name", ["get", "count", "sort", "unsaid"])
async def test_command_of_a_batch_is_the_batch(name: str) -> None:
    """It can be chained, awaited, or neither."""
    batch: Any = am.create(Client).batch()
    arguments = ("a",) * (name in ("get", "unsaid"))
    assert getattr(batch, name)(*arguments).get("b") is batch
    assert await getattr(batch, name)(*arguments) is batch


async def test_command_that_nobody_awaits_is_on_record() -> None:
    """As every async call; what it is told to give comes of awaiting it."""
    client: Any = am.create(Client)
    client.get.return_value = b"x"
    call = client.get("a")
    with pytest.raises(AssertionError, match="never awaited"):
        client.assert_all_awaited()
    assert await call == b"x"


async def test_type_of_self_is_the_class() -> None:
    """`self: T -> T`, of a subclass too: the very object; of a class method, an object of it."""
    client: Any = am.create(Client)
    assert client.other() is client
    assert await client is client
    async with client as entered:
        assert entered is client
    real = Client
    with am.patch(f"{__name__}.Client") as patched:
        made: Any = Client.made()
        assert made is not patched
        assert isinstance(made, real)
    with am.patch.object(Client, "made"):
        assert isinstance(Client.made(), Client)


@pytest.mark.parametrize("name", ["execute", "stream", "rows", "form", "started", "either"])
async def test_both_awaited_and_entered(name: str) -> None:
    """Either way gives the same double, of the class that the type arguments say."""
    client: Any = am.create(Client)
    given = getattr(client, name)(*(True,) * (name == "either"))
    assert ways(given) == "await with"
    async with given as entered:
        assert isinstance(entered, Row)
        await entered.text()
    assert await given is entered


def test_another_object_of_the_class() -> None:
    """What is made is another one, and what is `self` by whichever way is the same."""
    base: Any = am.create(Base)
    assert base.again() is base
    assert base.twin() is not base
    assert isinstance(base.twin(), Base)
    assert base.twin().again() is base.twin()


async def test_what_is_told_holds_for_both_ways() -> None:
    """By the way in; by the call, which takes what is neither awaited nor entered; by an error."""
    client: Any = am.create(Client)
    client.rows.return_value.__aenter__.return_value = "row"
    assert await client.rows() == "row"
    client.rows.return_value.__await__.return_value = "awaited"
    assert await client.rows() == "awaited"
    client.rows.return_value = row = am.create(Row)
    assert await client.rows() is row
    async with client.rows() as entered:
        assert entered is row
    client.started.side_effect = Transaction
    async with client.started() as entered:
        assert isinstance(entered, Transaction)
    client.form.return_value.__await__.side_effect = OSError("gone")
    with pytest.raises(OSError, match="gone"):
        await client.form()


async def test_async_side_effect_of_both_ways() -> None:
    """An async function is awaited, either way."""
    client: Any = am.create(Client)

    async def rows() -> str:
        return "row"

    client.rows.side_effect = rows
    assert await client.rows() == "row"
    async with client.rows() as entered:
        assert entered == "row"


async def test_what_code_alone_says() -> None:
    """What is returned is followed: a class, a call, a private method, what ``__init__`` keeps."""
    client: Any = am.create(Client)
    async with client.transaction() as entered:
        assert isinstance(entered, Transaction)
    assert ways(client.in_a_thread()) == "await"
    api: Any = am.create(Api)
    api.pods.return_value = ["pod"]
    assert await api.pods("default") == ["pod"]
    assert nature(Api, "pods_with_info").called is Called.ASYNC


async def test_code_that_says_two_things_says_nothing() -> None:
    """A name that is assigned twice may be either: what is awaited is known, what comes is not."""
    api: Any = am.create(Api)
    given = await api.pods("default")
    with pytest.raises(anyrig.MockError, match=r"api\.pods\.return_value = \.\.\."):
        _ = given.items


def test_functions_in_a_ring() -> None:
    """Following them comes to an end."""
    with pytest.raises(anyrig.MockError, match="nothing says what it is"):
        _ = am.create(Ring).first().anything


def test_annotation_of_a_base_that_does_not_hold() -> None:
    """A future of what the base says, where the class at hand makes futures of everything."""
    socket: Any = am.create(Socket)
    assert [ways(one) for one in (socket.get("a"), socket.count(), socket.sort())] == ["await"] * 3


def test_first_overload_is_the_plain_call() -> None:
    """Where the function itself is annotated with all that there may be."""
    overloaded: Any = am.create(Client).overloaded
    assert isinstance(overloaded(1), Row)
    assert not isinstance(overloaded(1), Rows)


def test_attributes_that_code_makes() -> None:
    """Where ``__init__`` or ``__getattr__`` say the class; a text is still to be given."""
    api: Any = am.create(Api)
    assert isinstance(api.row, Row)
    assert isinstance(api.caller, Caller)
    with pytest.raises(AttributeError):
        _ = api.url
    for name in ("either", "nothing"):
        with pytest.raises(AttributeError):
            getattr(api, name)
    assert isinstance(am.create(Database).users, Row)


async def test_stock_way_to_iterate() -> None:
    """``__aiter__.return_value``, where the real one is an async generator function."""
    client: Any = am.create(Client)
    client.__aiter__.return_value = ["a", "b"]
    assert [word async for word in client] == ["a", "b"]
    assert [word async for word in client] == ["a", "b"]


def test_future_is_no_future_to_asyncio() -> None:
    """A double of one never comes to its end by itself: asyncio awaits it as any awaitable."""
    assert not asyncio.isfuture(am.create(asyncio.Future))


def test_nothing_is_read_before_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A double of a class with hundreds of methods costs what is used of it."""
    read: list[types.CodeType] = []

    def noted(code: types.CodeType, package: str) -> Body | None:
        read.append(code)
        return body_of(code, package)

    monkeypatch.setattr("anyrig.mocks.readings.body_of", noted)
    api: Any = am.create(Api)
    assert read == []
    _ = api.pods
    assert {code.co_name for code in read} >= {"pods", "pods_with_info", "call"}


CHECKED = """
from __future__ import annotations
import typing
if typing.TYPE_CHECKING:
    import json as text
    from collections.abc import Coroutine

    from other_module import (
        Row as _Row,
        broken,
    )
    from . import sibling
    Coro = Coroutine[typing.Any, typing.Any, _Row]

class Client:
    @property
    def row(self) -> _Row: ...
    async def get(self) -> _Row: ...
    def later(self) -> Coro: ...
    def decoder(self) -> text.JSONDecoder: ...
    def broken(self) -> broken: ...
    def sibling(self) -> sibling.Row: ...
"""


@pytest.fixture
def checked(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module whose annotations have names that type checkers alone import."""
    package = tmp_path / "package_of_ours"
    package.mkdir()
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "checked.py").write_text(CHECKED, encoding="utf-8")
    (package / "sibling.py").write_text("class Row: ...", encoding="utf-8")
    (tmp_path / "other_module.py").write_text(
        "class Row:\n    async def text(self) -> str: ...", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import importlib

    yield importlib.import_module("package_of_ours.checked")
    for name in [*sys.modules]:
        if name.partition(".")[0] in ("package_of_ours", "other_module"):
            del sys.modules[name]


async def test_names_for_type_checkers(checked: Any) -> None:
    """They are read from the source, and imported when what they name is asked for."""
    client: Any = am.create(checked.Client)
    assert "other_module" not in sys.modules
    await client.row.text()
    await (await client.get()).text()
    await (await client.later()).text()
    assert type(client.decoder()).__mro__
    assert client.decoder().decode.return_value is not None
    assert client.sibling().__class__.__name__ == "Row"
    with pytest.raises(anyrig.MockError, match="annotation 'broken'"):
        _ = client.broken().anything
