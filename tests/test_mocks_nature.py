"""What a double learns of the real thing: how it is called, with what, and what it gives."""

from __future__ import annotations

import functools
import inspect
import sys
import typing
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import pytest

import anyrig
from anyrig import mocks as am
from anyrig.mocks.nature import Called, Nature, Unknown, Value, of, of_instance


class Row:
    """What calls give."""


async def fetch(url: str, *, retries: int = 0) -> Row:
    """An async function."""
    return Row()


def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
    """A sync wrapper, as most decorators are."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


class Hook:
    """An object that is called and awaited."""

    async def __call__(self, event: str) -> Row:
        return Row()

    def close(self) -> None: ...


class Slotted:
    """A class whose objects have no ``__dict__``."""

    __slots__ = ("row",)
    row: Row


@dataclass
class Data:
    """A dataclass, whose fields are annotations."""

    row: Row
    text: str = "text"


class Source(Protocol):
    """A protocol with methods and a member."""

    row: Row

    async def read(self, size: int) -> bytes: ...

    def close(self) -> None: ...


class Odd:
    """Methods of many makes."""

    partial = functools.partialmethod(lambda self, one, two: None, 1)
    hook = Hook()
    wrapped = decorated(fetch)

    def later(self) -> Awaitable[Row]:
        raise NotImplementedError

    def coroutine(self) -> Coroutine[Any, Any, Row]:
        raise NotImplementedError

    @decorated
    async def decorated(self, name: str) -> None: ...

    @functools.cached_property
    def cached(self) -> Row:
        return Row()

    @contextmanager
    def block(self) -> Iterator[Row]:
        yield Row()

    def either(self) -> Row | None: ...

    def anything(self) -> Any: ...

    @typing.overload
    def found(self, key: int) -> Row: ...
    @typing.overload
    def found(self, key: str) -> None: ...
    def found(self, key: object) -> Row | None: ...

    def __aiter__(self) -> AsyncIterator[int]:
        raise NotImplementedError

    async def __anext__(self) -> int:
        return 1

    class Inner:
        """A class in a class."""

        async def run(self) -> None: ...


def attribute(name: str) -> Nature:
    """The nature of an attribute of ``Odd``'s objects."""
    found = of_instance(Odd).attribute(name)
    assert isinstance(found, Nature)
    return found


@pytest.mark.parametrize(
    "real",
    [
        fetch,
        functools.partial(fetch, "url"),
        functools.partial(functools.partial(fetch), retries=1),
        decorated(fetch),
        functools.partial(decorated(fetch)),
        Hook(),
        Hook().__call__,
    ],
)
def test_async_things(real: Any) -> None:
    """An async function is async below partials and decorators, as is an async ``__call__``."""
    found = of(real)
    assert isinstance(found, Nature)
    assert found.called is Called.ASYNC


@pytest.mark.parametrize("name", ["later", "coroutine", "decorated", "hook", "wrapped"])
def test_async_methods(name: str) -> None:
    """So is a method that is annotated as giving an awaitable."""
    assert attribute(name).called is Called.ASYNC


@pytest.mark.skipif(sys.version_info < (3, 12), reason="markcoroutinefunction is of 3.12")
def test_marked_function() -> None:
    """A sync function that is marked as a coroutine function is one."""

    def marked() -> None: ...

    mark: Any = getattr(inspect, "markcoroutinefunction")  # noqa: B009 - Python 3.12
    mark(marked)
    found = of(marked)
    assert isinstance(found, Nature)
    assert found.called is Called.ASYNC


@pytest.mark.parametrize("real", [print, len, Row, lambda: None, [].append])
def test_sync_things(real: Any) -> None:
    """What is built in, a class, a lambda: sync."""
    found = of(real)
    assert isinstance(found, Nature)
    assert found.called is Called.SYNC


@pytest.mark.parametrize(
    ("name", "signature"),
    [
        ("partial", "(two)"),
        ("decorated", "(name: 'str') -> 'None'"),
        ("hook", "(event: 'str') -> 'Row'"),
        ("found", "(key: 'object') -> 'Row | None'"),
    ],
)
def test_signatures(name: str, signature: str) -> None:
    """A signature is that of the bound method, below its decorator."""
    assert str(attribute(name).signature) == signature


@pytest.mark.parametrize("name", ["later", "coroutine", "hook"])
def test_what_an_awaitable_gives(name: str) -> None:
    """An awaitable's annotation names what awaiting it gives."""
    result = attribute(name).result()
    assert isinstance(result, Nature)
    assert result.cls is Row


@pytest.mark.parametrize("name", ["either", "anything", "found", "partial"])
def test_what_nothing_tells(name: str) -> None:
    """A union, ``Any``, or no annotation: unknown."""
    assert isinstance(attribute(name).result(), Unknown)


@pytest.mark.parametrize("cls", [Slotted, Data, Source])
def test_annotated_members(cls: type) -> None:
    """Slots, fields of a dataclass and members of a protocol are known by their annotations."""
    found = of_instance(cls).attribute("row")
    assert isinstance(found, Nature)
    assert found.cls is Row


def test_constants_stay() -> None:
    """What can't change is itself, a default of a field too."""
    assert of_instance(Data).attribute("text") == Value("text")
    assert of(None) == Value(None)


async def test_protocol() -> None:
    """A protocol is a spec as a class is."""
    source: Any = am.create(Source)  # mypy takes a protocol's class for an object like any other
    am.of(source.read).return_value = b"x"
    assert await source.read(1) == b"x"
    source.close()
    am.of(source.close).assert_called_once_with()


async def test_object_with_an_async_call() -> None:
    """It is called as a function is, and its methods are as they are."""
    hook = am.create(Hook)
    assert isinstance(await hook("event"), Row)
    assert hook.close() is None  # type: ignore[func-returns-value]
    with pytest.raises(TypeError, match="event"):
        await hook()  # type: ignore[call-arg]


async def test_async_for_over_a_double() -> None:
    """``async for`` goes through what ``__aiter__`` was told to give."""
    odd = am.create(Odd)
    am.of(odd).__aiter__.return_value = [1, 2]
    assert [number async for number in odd] == [1, 2]


def test_sync_context_manager_function() -> None:
    """A function of ``contextmanager`` is entered with ``with``."""
    with am.create(Odd).block() as row:
        assert isinstance(row, Row)


async def test_class_in_a_class() -> None:
    """An inner class is a class: its call gives a double of an object."""
    inner = am.create(Odd).Inner()
    assert await inner.run() is None  # type: ignore[func-returns-value]


def test_nothing_of_the_real_thing_is_run() -> None:
    """A double asks no property and no descriptor of the real object."""

    class Trap:
        @property
        def value(self) -> Row:
            raise AssertionError

        def __getattr__(self, name: str) -> Any:
            raise AssertionError(name)

    assert isinstance(am.create(Trap).value, Row)


class Loaded:
    """A descriptor that is no function, as ORMs have them."""

    def __get__(self, thing: object, cls: type) -> Row:
        raise AssertionError


class Untold:
    """One that does not say what it gives."""

    def __get__(self, thing, cls):  # type: ignore[no-untyped-def]
        raise AssertionError


class Decorated:
    """A decorator's own object: a method of the class that it is in."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __get__(self, thing: object, cls: type) -> Any:
        return functools.partial(self, thing)

    async def __call__(self, thing: object, key: int) -> Row:
        return Row()


class Described:
    """What has descriptors."""

    row = Loaded()
    untold: Any = Untold()
    decorated = Decorated(print)

    @functools.singledispatchmethod
    async def by_type(self, key: object) -> Row:
        return Row()


async def test_descriptors_are_what_they_say_that_they_give() -> None:
    """A descriptor is no function for having a ``__get__``; its annotation says what it gives."""
    described: Any = am.create(Described)
    assert isinstance(described.row, Row)
    with pytest.raises(anyrig.MockError, match=r"described\.untold"):
        described.untold()


async def test_decorators_that_are_objects() -> None:
    """One with an async ``__call__`` is an async method; one of functools is what it dispatches."""
    described: Any = am.create(Described)
    assert isinstance(await described.decorated(1), Row)
    assert isinstance(await described.by_type(1), Row)
    with pytest.raises(TypeError, match="too many"):
        described.by_type(1, 2)


def test_raw_classmethods_and_staticmethods() -> None:
    """What stands in the dict of a class is what the class gives for it."""

    class Raw:
        @classmethod
        async def made(cls, key: int) -> None: ...

        @staticmethod
        def plain(key: int) -> None: ...

    for name, called in (("made", Called.ASYNC), ("plain", Called.SYNC)):
        nature = of(vars(Raw)[name])
        assert isinstance(nature, Nature)
        assert nature.called is called
        assert nature.signature == inspect.signature(getattr(Raw, name))


async def test_stub_is_entered() -> None:
    """``async with`` works on a stub, as on a stock ``AsyncMock``, and its calls are on record."""
    session: Any = am.stub("session")
    session.__aenter__.return_value = 3
    async with session as entered:
        assert entered == 3
    session.__aexit__.assert_awaited_once()
    assert [call.name for call in am.calls(session)] == ["session.__aenter__", "session.__aexit__"]
