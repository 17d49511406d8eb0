"""Mistakes with doubles: each is told where it is made, and its innocent twin is not."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

import anyrig
from anyrig import mocks as am
from anyrig.mocks import Mocks
from inner import Suite

create: Any = am.create  # here doubles are told what checkers would not let them be


class Row:
    """What a store gives."""

    key: int


class Store:
    """What most doubles here stand for."""

    async def get(self, key: int) -> Row:
        return Row()

    def is_known(self, key: int) -> bool:
        return bool(key)

    def later(self) -> Awaitable[int]:
        raise NotImplementedError

    def task(self) -> asyncio.Task[int]:
        raise NotImplementedError


async def row(*args: object) -> str:
    """An async side effect."""
    return "row"


class Async:
    """An object with an async ``__call__``."""

    async def __call__(self, *args: object) -> str:
        return "called"


# -- what a double is to give ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "give",
    [
        lambda coro: setattr(create(Store, name="s").get, "return_value", coro),
        lambda coro: create(Store, name="s").get.configure_mock(return_value=coro),
        lambda coro: create(Store, name="s", **{"get.return_value": coro}),
        lambda coro: create(row, name="s.get", return_value=coro),
        lambda coro: am.stub("s.get", return_value=coro),
    ],
)
def test_coroutine_as_return_value(give: Callable[[Coroutine[Any, Any, str]], Any]) -> None:
    """It could be awaited once, and nobody would: it is refused, and makes no second noise."""
    with pytest.raises(anyrig.MockError, match=r"`s.get.return_value` is the coroutine `row\(\)`"):
        give(row())


async def test_what_may_be_a_return_value() -> None:
    """A function is a value like any other; a sync double may give an awaitable."""
    store = create(Store)
    store.get.return_value = row
    assert await store.get(1) is row
    store.later.side_effect = row
    assert await store.later() == "row"
    coroutine = row()
    store.is_known.return_value = coroutine
    assert store.is_known(1) is coroutine
    assert await coroutine == "row"


@pytest.mark.parametrize("effect", [row, functools.partial(row, 1), am.stub("x")])
def test_async_side_effect_of_a_sync_double(effect: Any) -> None:
    """The code under test would get a coroutine."""
    store = create(Store)
    with pytest.raises(anyrig.MockError, match=r"`store.is_known` is sync, and its side_effect"):
        store.is_known.side_effect = effect
    with pytest.raises(anyrig.MockError, match="is sync"):
        create(Store, **{"is_known.side_effect": effect})
    assert store.is_known.side_effect is None


async def test_side_effects_that_may_be() -> None:
    """Async ones where an awaitable is given, sync ones everywhere, errors and lists."""
    store = create(Store)
    store.task.side_effect = row
    assert await store.task() == "row"
    for effect in (row, lambda key: "row", ["row"], iter(["row"]), Async()):
        store.get.side_effect = effect
        assert await store.get(1) in ("row", "called")
    store.is_known.side_effect = OSError
    with pytest.raises(OSError, match=r"^$"):
        store.is_known(1)
    store.is_known.side_effect = None
    store.is_known.side_effect = lambda key: True
    assert store.is_known(1) is True


@pytest.mark.parametrize("effect", [3, 2.5, object()])
def test_side_effect_that_does_nothing(effect: object) -> None:
    """Neither a function nor an error nor a list."""
    with pytest.raises(anyrig.MockError, match="takes a function, an exception, or a list"):
        create(Store).get.side_effect = effect


async def test_side_effect_that_gives_a_coroutine() -> None:
    """A lambda around an async function is no async function: nobody awaits what it gives."""
    store = create(Store)
    store.get.side_effect = lambda key: row("row", key)
    with pytest.raises(anyrig.MockError, match=r"has given the coroutine `row\(\)`.*nobody"):
        await store.get(1)


# -- names -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"gte.return_value": 1}, "no attribute `gte`.*did you mean `get`"),
        ({"chekpoint": False}, "did you mean `checkpoint`"),
        ({"autospec": True}, "is unittest.mock's.*leave it out"),
        ({"zzz": 1}, r"no such option.*dir\(\)"),
    ],
)
def test_option_that_there_is_not(options: dict[str, Any], words: str) -> None:
    """It says what there is."""
    with pytest.raises(anyrig.MockError, match=f"(?s){words}"):
        create(Store, **options)


def test_options_that_there_are() -> None:
    """Attributes of the real thing, dotted or not."""
    store = create(Store, delay=0, is_known=3, **{"get.return_value.key": 4})
    assert store.is_known == 3
    assert store.get.return_value.key == 4
    assert am.stub("any", whatever=1).whatever == 1


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("nope", "has no module in it.*module.nope"),
        ("no_such_module.thing", "is not there: No module named 'no_such_module'"),
        (f"{__name__}.Stroe", "has no `Stroe`.*did you mean `Store`"),
        (f"{__name__}.Store.gte", "`Store` has no `gte`.*did you mean `get`"),
        (f"{__name__}.Nope.get", "is not there"),
    ],
)
def test_target_that_is_not_there(mocks: Mocks, target: str, words: str) -> None:
    """Part for part."""
    with pytest.raises(anyrig.MockError, match=f"(?s){words}"):
        mocks.patch(target)
    with pytest.raises(anyrig.MockError, match=f"(?s){words}"), am.patch(target):
        pass


def test_object_that_has_not_got_it(mocks: Mocks) -> None:
    """As with a target."""
    with pytest.raises(anyrig.MockError, match=r"(?s)has no `is_knwon`.*`is_known`"):
        mocks.patch.object(Store, "is_knwon")


def test_new_stands_as_it_is(mocks: Mocks) -> None:
    """Options would say nothing of it."""
    with pytest.raises(anyrig.MockError, match="`new` stands there as it is"):
        mocks.patch.object(Store, "get", new=3, return_value=4)


# -- a name that is held elsewhere -----------------------------------------------------------------

HELD = {
    "client.py": "async def fetch(path): ...\n",
    "service.py": "from client import fetch\n\nasync def serve(): return await fetch('/')\n",
    "proper.py": "import client\n\nasync def serve(): return await client.fetch('/')\n",
}


def test_patch_that_the_code_does_not_see(suite: Suite) -> None:
    """An assertion on a double that was never called says who holds the real thing."""
    for name, text in HELD.items():
        suite.write(name, text)
    suite.write(
        "test_it.py",
        """
        import pytest
        import anyrig.mocks
        import service
        from client import fetch

        @pytest.mark.parametrize("name", ["called", "called_once", "awaited", "awaited_once"])
        async def test_fixture(mocks, name):
            double = mocks.patch("client.fetch")
            await service.serve()
            getattr(double, f"assert_{name}")()

        async def test_block():
            with anyrig.mocks.patch("client.fetch") as double:
                await service.serve()
            double.assert_awaited_once_with("/")
        """,
    )
    done = suite.spawn("-o", "anyrig_backends=trio")
    told = "patched `client.fetch`, but `service` holds its own `fetch`: patch"
    assert done.counts == {"failed": 5}
    assert done.text.count(f"E       {told} `service.fetch`") == 5, done.text
    assert "test_it" not in "".join(line for line in done.text.splitlines() if told in line)


def test_patch_that_the_code_sees(suite: Suite) -> None:
    """The same words are not said of a double that was called, or that nobody else holds."""
    for name, text in HELD.items():
        suite.write(name, text)
    suite.write(
        "test_it.py",
        """
        import proper
        import pytest
        import service

        async def test_used(mocks):
            double = mocks.patch("service.fetch")
            await service.serve()
            double.assert_awaited_once_with("/")
            with pytest.raises(AssertionError) as caught:
                double.assert_awaited_once_with("/other")
            assert "patched" not in str(caught.value)

        async def test_never_used(mocks):
            double = mocks.patch("service.fetch")
            with pytest.raises(AssertionError) as caught:
                double.assert_called_once()
            assert "patched" not in str(caught.value)

        async def test_by_the_module(mocks):
            double = mocks.patch("client.fetch")
            await proper.serve()
            double.assert_awaited_once_with("/")
        """,
    )
    assert set(suite.spawn().counts) == {"passed"}


# -- what a coroutine is asked for -----------------------------------------------------------------


def test_attribute_of_a_call_that_was_not_awaited(suite: Suite) -> None:
    """`client.get().json()`: beside Python's error stands the call, with the await in it."""
    suite.write(
        "test_it.py",
        """
        class Response:
            def json(self) -> dict[str, str]: ...

        class Client:
            async def get(self, path: str) -> Response: ...

        async def test_json(mocks):
            client = mocks.create(Client)
            assert client.get("/").json() == {}
        """,
    )
    done = suite.spawn("-o", "anyrig_backends=trio")
    assert "'coroutine' object has no attribute 'json'" in done.text
    assert "`client.get('/')` was never awaited (test_it.py:" in done.text
    assert '(await client.get("/")).json()' in done.text
