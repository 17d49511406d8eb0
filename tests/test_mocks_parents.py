"""What a parent says of the calls of its children, and who asks a double whether it is async."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from unittest.mock import MagicMock

import pytest

from anyrig import mocks as am
from anyrig.mocks import Mocks
from asking import ASKS


class Row:
    """What a store gives."""

    async def refresh(self) -> None: ...


class Hook:
    """An object that is called and awaited, and has methods."""

    async def __call__(self, key: int) -> None: ...

    async def send(self, key: int) -> None: ...


class Wait:
    """An object that is called, and has an async method."""

    def __call__(self) -> None: ...

    async def end(self) -> None: ...


class Store:
    """An object that can't be called."""

    hook = Hook()
    wait = Wait()

    async def save(self, name: str, *, force: bool = False) -> None: ...

    def names(self) -> None: ...

    def row(self, key: int) -> Row:
        return Row()

    async def later(self, key: int) -> Row:
        return Row()

    def soon(self) -> Awaitable[None]: ...  # type: ignore[empty-body]

    async def scan(self) -> AsyncIterator[int]:
        yield 1

    @classmethod
    async def connect(cls) -> typing.Self:
        return cls()

    @staticmethod
    async def check() -> None: ...

    @staticmethod
    def normal() -> None: ...

    async def __aenter__(self) -> typing.Self:
        return self

    async def __aexit__(self, *exc: object) -> None: ...

    def __len__(self) -> int:
        return 0

    partial = functools.partialmethod(save, "a")


async def fetch(url: str) -> None:
    """An async function."""


def tidy(name: str) -> None:
    """A sync function."""


# -- parents -----------------------------------------------------------------------------------


async def test_parent_has_the_calls_of_its_children(mocks: Mocks) -> None:
    """``assert_has_calls`` counts a call of an async child where it was awaited."""
    store: Any = mocks.create(Store)
    store.names()
    coroutine = store.save("a")
    store.assert_has_calls([am.call.names()])
    expected = [am.call.names(), am.call.save("a")]
    with pytest.raises(
        AssertionError, match=r"`store\.save\('a'\)` was called at .* never awaited"
    ):
        store.assert_has_calls(expected)
    await coroutine
    store.assert_has_calls(expected)
    assert store.mock_calls == expected
    with pytest.raises(AssertionError, match="Calls not found"):
        store.assert_has_calls([am.call.save("b")])


async def test_parent_knows_a_call_by_its_signature(mocks: Mocks) -> None:
    """A call that is written in another way is the same call."""
    store: Any = mocks.create(Store)
    coroutine = store.save("a", force=True)
    with pytest.raises(AssertionError, match="never awaited"):
        store.assert_has_calls([am.call.save(name="a", force=am.ANY)])
    await coroutine
    store.assert_has_calls([am.call.save(name="a", force=am.ANY)])


async def test_parent_has_the_calls_of_what_its_children_gave(mocks: Mocks) -> None:
    """A call of what a sync or an async call gave is a call of the parent, too."""
    store: Any = mocks.create(Store)
    made = [store.row(1).refresh(), (await store.later(2)).refresh()]
    for call in (am.call.row().refresh(), am.call.later().refresh()):
        with pytest.raises(AssertionError, match=r"refresh\(\)` was called at"):
            store.assert_has_calls([call])
        await made.pop(0)
        store.assert_has_calls([call])


async def test_calls_of_a_parent_are_not_those_of_its_children(mocks: Mocks) -> None:
    """Where a parent is async itself, the same arguments at a child are another call."""
    hook: Any = mocks.create(Hook)
    coroutine = hook.send(1)
    await hook(1)
    hook.assert_has_calls([am.call(1)])
    hook.assert_any_call(1)
    with pytest.raises(AssertionError, match="never awaited"):
        hook.assert_has_calls([am.call(1), am.call.send(1)], any_order=True)
    await coroutine


async def test_sync_parent_that_is_called(mocks: Mocks) -> None:
    """So it is with a parent that is sync."""
    wait: Any = mocks.create(Wait)
    wait()
    coroutine = wait.end()
    wait.assert_has_calls([am.call()])
    with pytest.raises(AssertionError, match="never awaited"):
        wait.assert_has_calls([am.call(), am.call.end()])
    await coroutine


async def test_attached_double(mocks: Mocks) -> None:
    """A double that was attached is a child like any other."""
    store: Any = mocks.create(Store)
    fetching: Any = mocks.create(fetch)
    store.attach_mock(fetching, "names")
    await store.save("a")
    coroutine = store.names("url")
    assert store.mock_calls == [am.call.save("a"), am.call.names("url")]
    for check in (store.assert_all_awaited, store.assert_no_pending):
        with pytest.raises(AssertionError, match=r"`store\.names\('url'\)`"):
            check()
    with pytest.raises(AssertionError, match="never awaited"):
        store.assert_has_calls([am.call.names("url")])
    assert [call.awaited for call in mocks.calls(store)] == [True, False]
    await coroutine
    store.assert_has_calls([am.call.save("a"), am.call.names("url")])
    store.assert_all_awaited()


async def test_double_below_a_stock_mock(mocks: Mocks) -> None:
    """A stock parent takes a double, and has its calls."""
    stock = MagicMock()
    stock.attach_mock(mocks.of(mocks.create(fetch)), "fetch")
    await stock.fetch("url")
    assert stock.mock_calls == [am.call.fetch("url")]
    store: Any = mocks.create(Store)
    store.attach_mock(stock, "names")
    coroutine = stock.fetch("other")
    with pytest.raises(AssertionError, match="never awaited"):
        store.assert_has_calls([am.call.names.fetch("other")])
    await coroutine


def test_reset_parent_has_no_calls() -> None:
    """``reset_mock`` of a parent forgets the calls of its children."""
    store: Any = am.create(Store)
    store.save("a").close()
    store.reset_mock()
    assert am.calls(store) == []
    store.assert_all_awaited()


# -- who asks whether it is async --------------------------------------------------------------

ASYNC = {
    "save": True,
    "names": False,
    "row": False,
    "soon": True,
    "scan": False,
    "connect": True,
    "check": True,
    "normal": False,
    "hook": True,
    "wait": False,
    "partial": True,
    "__aenter__": True,
    "__aexit__": True,
    "__len__": False,
}


def _of_store(name: str) -> Any:
    return getattr(am.create(Store), name)


def _of_object(name: str) -> Any:
    return getattr(am.create(Store()), name)


def _of_patched_object(name: str) -> Any:
    with am.patch(f"{__name__}.Store"):
        return getattr(Store(), name)


@pytest.mark.parametrize("asks", ASKS, ids=["inspect", "asyncio"])
@pytest.mark.parametrize("make", [_of_store, _of_object, _of_patched_object])
@pytest.mark.parametrize("name", ASYNC)
def test_attribute_says_whether_it_is_async(
    name: str, make: Callable[[str], Any], asks: Callable[[Any], bool]
) -> None:
    """As `iscoroutinefunction` has it, through ``functools.partial``, too."""
    double = make(name)
    partial = functools.partial(double)
    asked = [asks(double), asks(partial), asks(functools.partial(partial))]
    assert asked == [ASYNC[name]] * 3


@pytest.mark.parametrize("asks", ASKS, ids=["inspect", "asyncio"])
@pytest.mark.parametrize(
    ("double", "is_async"),
    [
        (am.stub("hook"), True),
        (am.create(fetch), True),
        (am.create(functools.partial(fetch, "url")), True),
        (am.create(Hook), True),
        (am.create(tidy), False),
        (am.create(functools.partial(tidy, "a")), False),
        (am.create(Wait), False),
        (am.create(Store), False),
    ],
)
def test_double_says_whether_it_is_async(
    double: Any, is_async: bool, asks: Callable[[Any], bool]
) -> None:
    """Functions, objects and partials say it, and what can't be called is not async."""
    assert asks(double) is is_async
    if callable(double):
        assert asks(functools.partial(double)) is is_async
    assert not inspect.isgeneratorfunction(double)
    assert not inspect.isasyncgenfunction(double)
