"""Adapters: stock mocks and pytest-mock's mocker with the promises of doubles."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any
from unittest.mock import AsyncMock, MagicMock, Mock, create_autospec, patch

import pytest

import anyrig
from anyrig import mocks as am
from anyrig.mocks import Mocks
from inner import Suite


class Store:
    """What most mocks here stand for."""

    def __init__(self, url: str = "") -> None:
        self.url = url

    async def save(self, name: str) -> None: ...

    def is_known(self, name: str) -> bool:
        return bool(name)

    @property
    def backup(self) -> Store:
        return Store()


async def send(text: str) -> None:
    """What the others stand for."""


MADE: dict[str, Callable[[], Any]] = {
    "AsyncMock": AsyncMock,
    "AsyncMock with a spec": lambda: AsyncMock(spec=Store),
    "MagicMock with a spec": lambda: MagicMock(spec=Store),
    "MagicMock with an object": lambda: MagicMock(spec=Store()),
    "Mock with a spec": lambda: Mock(spec=Store),
    "autospec": lambda: create_autospec(Store, instance=True),
    "autospec of a class": lambda: create_autospec(Store)("url"),
}


@pytest.mark.parametrize("made", MADE)
async def test_calls_of_an_adapted_mock_have_to_be_awaited(made: str) -> None:
    """However a stock mock was made: its async methods are on record, and say so."""
    store = am.adapt(MADE[made]())
    call = store.save("Ada")
    with pytest.raises(AssertionError, match=r"test_mocks_adapters.py:\d+ and never awaited"):
        store.save.assert_called_once_with("Ada")
    await call
    store.save.assert_called_once_with("Ada")
    store.save.assert_awaited_once_with("Ada")
    assert [(one.awaited, one.outcome) for one in am.calls(store)] == [(True, "returned")]


@pytest.mark.parametrize("made", MADE)
async def test_an_adapted_mock_is_what_it_was(made: str) -> None:
    """Its class, its side effects, its sync methods and its resets are stock."""
    store = MADE[made]()
    before = type(store), store.__class__
    assert am.adapt(store) is store
    assert am.adapt(store) is store
    assert (type(store), store.__class__) == before
    store.save.side_effect = [1, ValueError]
    assert await store.save("Ada") == 1
    with pytest.raises(ValueError, match=r"^$"):
        await store.save("Eve")
    if made != "AsyncMock":
        store.is_known.return_value = True
        assert store.is_known("Ada") is True
        assert isinstance(store.is_known, MagicMock | Mock)
        assert not isinstance(store.is_known, AsyncMock)
        store.is_known.assert_called_once_with("Ada")
    store.reset_mock()
    assert store.save.await_count == 0
    assert store.save.mock_calls == []


async def test_what_was_made_before_is_adapted_too() -> None:
    """Children and return values that are there already are no exception."""
    client = AsyncMock()
    get, response = client.get, client.get.return_value
    am.adapt(client)
    assert await get("/") is response
    calls = [get("/"), response.read()]
    with pytest.raises(AssertionError, match="never awaited"):
        response.read.assert_called_once_with()
    for call in calls:
        await call
    assert [str(call) for call in am.calls(client)] == ["mock.get('/')"] * 2 + ["mock.get().read()"]


async def test_an_adapted_function_of_autospec() -> None:
    """`create_autospec` makes a function of a function; it keeps its signature."""
    double = am.adapt(create_autospec(send, return_value=3))
    call = double("hello")
    # from 3.13 on, a call of a stock one counts when it is awaited
    words = "Called 0 times" if sys.version_info >= (3, 13) else "never awaited"
    with pytest.raises(AssertionError, match=words):
        double.assert_called_once_with("hello")
    assert await call == 3
    double.assert_called_once_with("hello")
    with pytest.raises(TypeError):
        await double()
    assert [one.awaited for one in am.calls(double)] == [True]


async def test_an_adapted_mock_lets_go_of_the_loop(mocks: Mocks, task_group: Any) -> None:
    """A loop around it can be stopped, for it passes a checkpoint."""
    store = mocks.adapt(AsyncMock(spec=Store))
    stopped: list[bool] = []

    async def stop() -> None:
        stopped.append(True)

    task_group.start_soon(stop)
    while not stopped:
        await store.save("Ada")
    mocks.assert_all_awaited()
    assert all(one.awaited for one in mocks.calls(store))


@pytest.mark.parametrize("thing", [Store(), send, 3, None])
def test_what_is_no_mock_is_not_adapted(thing: object) -> None:
    """It says what to do instead."""
    with pytest.raises(anyrig.MockError, match="is no mock of unittest"):
        am.adapt(thing)


def test_an_adapted_mock_is_no_spec() -> None:
    """As with a stock one: the real thing is asked for."""
    with pytest.raises(anyrig.MockError, match="is a mock already"):
        am.create(am.adapt(MagicMock()))


def test_a_double_is_adapted_already() -> None:
    """`adapt` leaves a double of ours as it is."""
    store = am.create(Store)
    assert am.adapt(store) is store


def test_an_adapted_patch(suite: Suite) -> None:
    """What `patch` hands out can be adapted; a missed await names mock, call and line."""
    suite.write(
        "test_it.py",
        """
        from unittest.mock import patch
        from anyrig.mocks import adapt

        class Store:
            async def save(self, name): ...

        async def test_missed():
            with patch(f"{__name__}.Store.save") as save:
                adapt(save)
                Store().save("Ada")
        """,
    )
    suite.run()
    found = {one.summary for one in suite.findings}
    assert found == {"`Store().save('Ada')` was never awaited"}
    assert {one.what for one in suite.findings} == {"the AsyncMock `save`"}


MOCKER = """
import asyncio
import os
import pytest

class Store:
    async def save(self, name): return "saved"
    def is_known(self): ...

class Other(Store):
    async def save(self, name): return "other"

async def work(): return 5

def told(mock):
    with pytest.raises(AssertionError, match="never awaited"):
        mock.assert_called_once()

async def test_object(mocker):
    save = mocker.patch.object(Store, "save")
    call = Store().save("Ada")
    told(save)
    await call
    save.assert_called_once_with("Ada")

async def test_target(mocker):
    save = mocker.patch(f"{__name__}.Store.save", autospec=True)
    await Store().save("Ada")
    save.assert_awaited_once()

async def test_new(mocker):
    save = mocker.patch.object(Store, "save", new=mocker.AsyncMock())
    call = Store().save("Ada")
    told(save)
    await call

async def test_new_that_is_no_mock(mocker):
    assert mocker.patch.object(Store, "save", new=3) == 3

async def test_spy(mocker):
    store = Store()
    spy = mocker.spy(store, "save")
    assert await store.save("Ada") == "saved"
    spy.assert_called_once_with("Ada")
    assert spy.spy_return == "saved"

async def test_stub(mocker):
    stub = mocker.async_stub("hook")
    call = stub()
    told(stub)
    await call
    mocker.stub().assert_not_called()

async def test_autospec(mocker):
    store = mocker.create_autospec(Store, instance=True)
    call = store.save("Ada")
    told(store.save)
    await call
    mocker.resetall()
    store.save.assert_not_called()

async def test_multiple(mocker):
    save = mocker.patch.multiple(Store, save=mocker.DEFAULT)["save"]
    call = Store().save("Ada")
    told(save)
    await call

async def test_rest(mocker):
    mocker.patch.dict("os.environ", {"ANYRIG_A": "b"})
    assert os.environ["ANYRIG_A"] == "b"
    with mocker.patch.context_manager(Store, "is_known") as entered:
        assert entered is not None
    mocker.stopall()
    assert "ANYRIG_A" not in os.environ

@pytest.fixture(scope="module")
def wide(module_mocker):
    return module_mocker.patch.object(Other, "save")

async def test_wider(wide):
    call = Other().save("Ada")
    told(wide)
    await call
    wide.reset_mock()

def test_what_runs_what_it_is_given(mocker):
    run = mocker.patch("asyncio.run")
    assert asyncio.run(work()) == 5
    run.assert_called_once()

def test_no_such_target(mocker):
    with pytest.raises((AttributeError, ModuleNotFoundError)):
        mocker.patch(f"{__name__}.nope")
"""


def test_mocker(suite: Suite) -> None:
    """With `anyrig_adapt_mocks` all that pytest-mock's mocker makes is adapted."""
    suite.ini("anyrig_adapt_mocks = on")
    suite.write("test_it.py", MOCKER)
    done = suite.spawn("-p", "pytest_mock")
    assert set(done.counts) == {"passed"}, done.text


def test_mocker_without_the_setting(suite: Suite) -> None:
    """By default its mocks are stock: nothing that people have changes under them."""
    suite.write("test_it.py", MOCKER)
    done = suite.spawn("-p", "pytest_mock", "-k", "test_object or test_what_runs")
    assert "DID NOT RAISE" in done.text
    assert "passed" not in done.counts, done.text


def test_wrong_switch(suite: Suite) -> None:
    """The error says where it stands, and what there is."""
    suite.ini("anyrig_adapt_mocks = yes")
    suite.write("test_it.py", "def test(): ...")
    done = suite.spawn()
    assert "anyrig_adapt_mocks: unknown switch 'yes'; use 'on', 'off'" in done.text


def test_stock_patch_is_left_alone() -> None:
    """What nobody has adapted stays as it was."""
    with patch(f"{__name__}.send") as double:
        assert type(double).__mro__[1] is AsyncMock
