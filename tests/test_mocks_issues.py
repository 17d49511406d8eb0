"""What CPython's and pytest-mock's trackers say of async mocks: what stock mocks do, and ours.

Each stock behaviour is asserted, so that this file tells when it changes.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable
from typing import Any
from unittest.mock import AsyncMock, MagicMock, NonCallableMock, create_autospec, patch

import pytest

from anyrig import mocks as am
from anyrig.mocks import Mocks
from asking import ASKS, as_asyncio
from inner import Suite


class Store:
    """Async and sync methods side by side."""

    async def save(self, name: str) -> None: ...

    def names(self) -> None: ...

    @staticmethod
    def normal(name: str) -> None: ...

    @classmethod
    def connect(cls, url: str) -> None: ...


class Hook:
    """An object that is called and awaited."""

    async def __call__(self) -> None: ...


class Ticket:
    """An object that is awaited itself."""

    def __await__(self) -> Any:
        yield


def tidy(name: str) -> None:
    """A sync function."""


@pytest.fixture(params=ASKS, ids=["inspect", "asyncio"])
def is_async(request: pytest.FixtureRequest) -> Callable[[Any], bool]:
    """The two functions that tell async functions from others."""
    return request.param  # type: ignore[no-any-return]


# -- CPython 82303: AsyncMock makes each of its children an AsyncMock ------------------------------


def test_82303_children_of_an_async_mock() -> None:
    """A sync method of a stock ``AsyncMock`` gives a coroutine."""
    stock = AsyncMock()
    assert isinstance(stock.names, AsyncMock)
    coroutine = stock.names()
    assert inspect.iscoroutine(coroutine)
    coroutine.close()


async def test_82303_children_of_a_double(mocks: Mocks) -> None:
    """A child of ours is as the real one, and one of which nothing is known is not guessed."""
    store = mocks.create(Store)
    assert not inspect.isawaitable(store.names())  # type: ignore[func-returns-value]
    await store.save("a")
    assert not isinstance(mocks.stub("hook").names, AsyncMock)


# -- CPython 85794: autospecced methods say that they are coroutine functions ----------------------


@pytest.mark.parametrize("name", ["names", "normal"])
def test_85794_autospecced_sync_method(name: str, is_async: Callable[[Any], bool]) -> None:
    """A stock autospecced sync method says that it is async; ours does not."""
    assert is_async(getattr(create_autospec(Store), name))
    assert is_async(getattr(create_autospec(Store, instance=True), name))
    assert not is_async(getattr(am.create(Store), name))
    with am.patch(f"{__name__}.Store") as double:
        assert not is_async(getattr(double, name))
        assert not is_async(getattr(double(), name))


def test_85794_mock_of_a_sync_function(is_async: Callable[[Any], bool]) -> None:
    """So does a ``MagicMock`` of a function, by its ``__code__``."""
    assert is_async(MagicMock(spec=tidy))
    assert not is_async(am.create(tidy))


def test_85794_async_methods_are_async(is_async: Callable[[Any], bool]) -> None:
    """An async method is async in both."""
    assert as_asyncio(create_autospec(Store).save)
    assert is_async(am.create(Store).save)


# -- CPython 81432: a mock with a sync function's spec is taken for an async one -------------------


def test_81432_mock_as_the_spec_of_an_attribute() -> None:
    """What holds a ``MagicMock`` of a sync function makes a stock mock's child async."""
    holder = types.SimpleNamespace(tidy=MagicMock(spec=tidy))
    assert isinstance(MagicMock(spec=holder).tidy, AsyncMock)
    double = am.create(holder)
    assert not inspect.isawaitable(double.tidy("a"))


async def test_81432_async_mock_as_the_spec_of_an_attribute() -> None:
    """What holds an ``AsyncMock`` makes ours async, and what holds one that is no function none."""
    double: Any = am.create(types.SimpleNamespace(save=AsyncMock(), row=NonCallableMock()))
    assert await double.save("a", any=1) is None
    double.save.assert_awaited_once_with("a", any=1)
    with pytest.raises(TypeError, match="not callable"):
        double.row()


def test_81432_patch_of_a_mock() -> None:
    """A stock patch of such a mock is sync on the Pythons that we run on, and so is ours."""
    place = types.SimpleNamespace(tidy=MagicMock(spec=tidy))
    with patch.object(place, "tidy") as stock:
        assert not isinstance(stock, AsyncMock)
    place.tidy = am.create(tidy)
    with am.patch.object(place, "tidy") as double:
        assert not inspect.isawaitable(double("a"))


def test_81432_awaitable_classes() -> None:
    """A stock autospec of an awaitable class gives what can't be awaited; ours can be."""
    assert not hasattr(type(create_autospec(Ticket)()), "__await__")
    for double in (am.create(Ticket), am.create(Ticket())):
        assert isinstance(double, Ticket)
        assert inspect.isawaitable(double)


# -- CPython 116055: objects with an async __call__ ------------------------------------------------


def test_116055_stock_mock_of_an_async_callable(is_async: Callable[[Any], bool]) -> None:
    """Its ``__call__`` is sync, and a call of most gives no coroutine."""
    assert is_async(Hook().__call__)
    assert not is_async(AsyncMock(spec=Hook()).__call__)
    for stock in (MagicMock(spec=Hook()), create_autospec(Hook()), create_autospec(Hook)()):
        assert not is_async(stock)
        assert not inspect.isawaitable(stock())


@pytest.mark.parametrize("spec", [Hook, Hook()], ids=["class", "object"])
async def test_116055_double_of_an_async_callable(
    spec: Any, mocks: Mocks, is_async: Callable[[Any], bool]
) -> None:
    """A call of ours is awaited, whoever asks sees that, and so does who asks its ``__call__``."""
    hook = mocks.create(spec)
    await hook()
    assert is_async(hook)
    knows_marks = hasattr(inspect, "markcoroutinefunction")  # Python 3.12 has them
    assert is_async(hook.__call__) or not (knows_marks or is_async is as_asyncio)
    mocks.of(hook).assert_awaited_once_with()


async def test_116055_patched_class_of_async_callables(mocks: Mocks) -> None:
    """So is a call of what a patched class gives."""
    mocks.patch(f"{__name__}.Hook")
    await Hook()()


# -- pytest-mock 374: a stub that nobody awaited counts as called ----------------------------------

ASYNC_STUB = """
    import asyncio

    import pytest

    pytestmark = pytest.mark.anyrig(backends=["asyncio"])

    async def test_theirs(mocker):
        callee = mocker.async_stub("callee")
        asyncio.get_running_loop().call_soon_threadsafe(callee)
        await asyncio.sleep(0)
        assert callee.called == 1
        callee.assert_called_once_with()

    async def test_ours(mocks):
        callee = mocks.stub("callee")
        asyncio.get_running_loop().call_soon_threadsafe(callee)
        await asyncio.sleep(0)
        with pytest.raises(AssertionError, match="callee.*never awaited"):
            callee.assert_called_once_with()
    """


def test_pytest_mock_374(suite: Suite) -> None:
    """An ``async_stub`` that ``call_soon`` called passes as called; ours does not."""
    pytest.importorskip("pytest_mock")
    suite.write("test_stubs.py", ASYNC_STUB)
    ran = suite.spawn("-p", "pytest_mock", "-W", "ignore", "-W", "default::RuntimeWarning")
    assert ran.counts == {"failed": 2}, ran.text
    assert [place for _, place, _ in suite.found] == [
        "test_theirs[asyncio]",
        "test_ours[asyncio]",
    ]
    for finding in suite.findings:
        assert "callee" in finding.what
        assert finding.kind.value == "missed_await"
