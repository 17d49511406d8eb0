"""Mistakes with doubles: each is told where it is made, and its innocent twin is not."""

from __future__ import annotations

import asyncio
import functools
import os
import re
import types
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator
from pathlib import Path
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

    def reply(self) -> Awaitable[str] | str:  # as redis has it
        raise NotImplementedError

    def anything(self) -> Any: ...

    def unsaid(self):  # type: ignore[no-untyped-def]
        raise NotImplementedError

    async def connect(self) -> Awaitable[str]:
        raise NotImplementedError

    async def scan(self) -> AsyncIterator[int]:
        yield 1


async def row(*args: object) -> str:
    """An async side effect."""
    return "row"


def row_of(key: int) -> str:
    """A sync function."""
    return str(key)


class Made:
    """What its objects have, ``__init__`` alone tells."""

    def __init__(self) -> None:
        self.url = "url"


class Open:
    """Its objects have anything."""

    def __getattr__(self, name: str) -> str:
        return name


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


class Later:
    """What can be awaited, and is no coroutine."""

    def __await__(self) -> Generator[Any, Any, str]:
        yield from ()
        return "later"


async def test_awaitable_of_a_sync_function() -> None:
    """Where a sync function gives an awaitable, so may its double: awaiting it gives the same."""
    store: Any = am.create(Store)
    for value, expected in ((Later(), "later"), (row(), "row"), (3, 3)):
        store.later.return_value = value
        assert await store.later() == expected
    store.later.side_effect = lambda: row()  # noqa: PLW0108 - a sync function, as the real one
    assert await store.later() == "row"
    store.reply.side_effect = row
    assert await store.reply() == "row"
    store.anything.side_effect = row
    assert await store.anything() == "row"
    store.unsaid.side_effect = lambda *args: row(*args)  # noqa: PLW0108 - what the error says to type
    assert await store.unsaid() == "row"


async def test_awaitable_of_an_async_function() -> None:
    """Where awaiting gives an awaitable, a coroutine may be it."""
    store: Any = am.create(Store)
    store.connect.return_value = row()
    assert await (await store.connect()) == "row"
    store.connect.side_effect = lambda: row()  # noqa: PLW0108
    assert await (await store.connect()) == "row"


def test_coroutines_in_a_list() -> None:
    """As a coroutine as a return value; an iterator is not looked into before its time."""
    store: Any = am.create(Store)
    with pytest.raises(anyrig.MockError, match=r"lists the coroutine `row\(\)`"):
        store.get.side_effect = [row(), row()]


async def test_what_an_async_generator_takes() -> None:
    """Values, or an async generator, as the real one is; no coroutine."""

    async def pages() -> AsyncIterator[int]:
        yield 1
        yield 2

    store: Any = am.create(Store)
    for name, value in (
        ("side_effect", pages),
        ("side_effect", lambda: [1, 2]),
        ("side_effect", [1, 2]),
        ("return_value", pages()),
        ("return_value", [1, 2]),
    ):
        store.scan.side_effect = None
        setattr(store.scan, name, value)
        assert [page async for page in store.scan()] == [1, 2]
    with pytest.raises(anyrig.MockError, match=r"`store.scan` is an async generator.*one value"):
        store.scan.side_effect = row
    for nothing in (row(), 3):
        with pytest.raises(anyrig.MockError, match="nothing to go through"):
            store.scan.return_value = nothing


async def test_async_generator_is_closed_with_its_double() -> None:
    """One that is left in the middle comes to its end with the double's own."""
    ended: list[bool] = []

    async def pages() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            ended.append(True)

    store: Any = am.create(Store)
    store.scan.side_effect = pages
    double = store.scan()
    assert await anext(double) == 1
    await double.aclose()
    assert ended == [True]


@pytest.mark.parametrize("effect", [row, functools.partial(row, 1), am.stub("x"), Async()])
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
        ({"gte.return_value": 1}, r'`store` has no attribute `gte`.*\*\*{"get.return_value": ...}'),
        ({"get__return_value": 1}, r'no attribute.*\*\*{"get.return_value": ...}'),
        ({"get.return_value.kye": 1}, r'`store.get.return_value` has no attribute `kye`.*"get.ret'),
        ({"chekpoint": False}, "no such option.*mend:   checkpoint=..."),
        ({"get.checkpoint": False}, "`store.get` has no attribute `checkpoint`"),
        (
            {"return_value": 3},
            r'`store` can\'t be called: it takes no return_value.*"method.re',
        ),
        ({"side_effect": [3]}, "`store` can't be called: it takes no side_effect"),
        ({"autospec": True}, "is unittest.mock's.*leave it out"),
        ({"zzz": 1}, "no such option.*annotate it in the class"),
    ],
)
def test_option_that_there_is_not(options: dict[str, Any], words: str) -> None:
    """It says what there is."""
    with pytest.raises(anyrig.MockError, match=f"(?s){words}"):
        create(Store, **options)


@pytest.mark.parametrize("cls", [Made, Open])
def test_attribute_that_code_makes(cls: type) -> None:
    """What ``__init__`` sets, or a ``__getattr__`` gives, may be given, too."""
    assert am.create(cls, url="there").url == "there"


def test_options_that_there_are() -> None:
    """Attributes of the real thing, dotted or not."""
    store = create(Store, delay=0, is_known=3, **{"get.return_value.key": 4})
    assert store.is_known == 3
    assert store.get.return_value.key == 4
    assert am.stub("any", whatever=1).whatever == 1


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("nope", r'has no module in it.*patch\("module.nope"\)'),
        ("no_such_module.thing", "is not there: no module is named `no_such_module`"),
        ("anyoi.sleep", r'no module is named `anyoi`.*patch\("anyio.sleep"\)'),
        ("asyncio.tsks.wait", r'`asyncio` has no `tsks`.*patch\("asyncio.tasks.wait"\)'),
        (f"{__name__}.Stroe", rf'`{__name__}` has no `Stroe`.*patch\("{__name__}.Store"\)'),
        (f"{__name__}.Store.gte", rf'`Store` has no `gte`.*patch\("{__name__}.Store.get"\)'),
        (f"{__name__}.Nope.get", f"is not there: `{__name__}` has no `Nope`"),
        ("asyncio.", "is no dotted name"),
        ("", "is no dotted name"),
        (row_of, rf'is no dotted name.*patch\("{__name__}.row_of"\)'),
        (3, r'is no dotted name.*patch.object\(owner, "name"\)'),
    ],
)
def test_target_that_is_not_there(mocks: Mocks, target: Any, words: str) -> None:
    """Part for part."""
    with pytest.raises(anyrig.MockError, match=f"(?s){words}"):
        mocks.patch(target)
    with pytest.raises(anyrig.MockError, match=f"(?s){words}"), am.patch(target):
        pass


def test_object_that_has_not_got_it(mocks: Mocks) -> None:
    """As with a target; a string is no object, and what ``__init__`` makes is in no class."""
    with pytest.raises(anyrig.MockError, match=r'(?s)`is_knwon`.*object\(Store, "is_known"\)'):
        mocks.patch.object(Store, "is_knwon")
    with pytest.raises(anyrig.MockError, match=r'(?s)no object.*patch\("asyncio.sleep"\)'):
        mocks.patch.object("asyncio", "sleep")
    with pytest.raises(anyrig.MockError, match=r'(?s)an object of it may.*object\(made, "url"\)'):
        mocks.patch.object(Made, "url")
    mocks.patch.object(Made(), "url", "there")


def test_dict_that_is_not_there(mocks: Mocks) -> None:
    """As with a target."""
    with pytest.raises(anyrig.MockError, match="`os` has no `enviro`"):
        mocks.patch.dict("os.enviro.data", A="b")
    mocks.patch.dict("os.environ", ANYRIG_MISTAKES="b")
    assert os.environ["ANYRIG_MISTAKES"] == "b"


def test_module_that_cannot_be_imported(
    mocks: Mocks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says which, and keeps what was raised; a module of a package may be near."""
    monkeypatch.syspath_prepend(tmp_path)
    package = tmp_path / "mistaken"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "broken.py").write_text("import no_such_library\n")
    with pytest.raises(anyrig.MockError, match=r"`mistaken.broken` can't be imported") as caught:
        mocks.patch("mistaken.broken.thing")
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)
    with pytest.raises(anyrig.MockError, match=r'patch\("mistaken.broken.thing"\)'):
        mocks.patch("mistaken.brokn.thing")


def test_create_is_not_ours(mocks: Mocks) -> None:
    """A double is made from what is there; what to type instead does what it says."""
    place = types.ModuleType("place")
    with pytest.raises(anyrig.MockError, match=r"monkeypatch.setattr\(place, .nope."):
        mocks.patch.object(place, "nope", create=True)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(place, "nope", mocks.stub("nope"), raising=False)
        assert hasattr(place, "nope")
    assert not hasattr(place, "nope")


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


def test_who_is_not_named(suite: Suite) -> None:
    """Other tests' own names, who stands for what is new, and a package that hands a name on."""
    for name, text in HELD.items():
        suite.write(name, text)
    suite.write("shop/__init__.py", "from shop.till import pay\n")
    suite.write("shop/till.py", "async def pay(): ...\n")
    suite.write("cart.py", "from shop.till import pay as paid\n")
    suite.write("test_other.py", "from shop.till import pay\n\ndef test_other(): assert pay\n")
    suite.write(
        "test_it.py",
        """
        import cart
        import pytest
        import service
        import test_other

        def told(double):
            with pytest.raises(AssertionError) as caught:
                double.assert_called_once()
            return str(caught.value).splitlines()[1:]

        def test_handed_on(mocks):
            assert told(mocks.patch("shop.till.pay")) == [
                "patched `shop.till.pay`, but `cart` holds its own `paid`, "
                "`shop` holds its own `pay`: patch `cart.paid`"
            ]

        def test_new(mocks):
            (line,) = told(mocks.patch("client.fetch", mocks.stub("fetch")))
            assert line.endswith("patch `service.fetch`")

        def test_class_that_was_called(mocks):
            double = mocks.patch("client.Client")
            service.Client = type(double)  # somebody holds something else
            import client
            client.Client()
            assert told(double.return_value.close) == []

        def test_before_a_reset(mocks):
            double = mocks.patch("client.Client")
            double()
            double.reset_mock()
            assert told(double) == []
        """,
    )
    suite.write("client.py", HELD["client.py"] + "class Client:\n    def close(self): ...\n")
    done = suite.spawn()
    assert set(done.counts) == {"passed"}, done.text


# -- what pytest shows -----------------------------------------------------------------------------


def test_traceback_ends_at_the_line_of_the_users(suite: Suite) -> None:
    """No frame of ours, of ``unittest.mock`` or of the standard library is shown."""
    suite.write("client.py", "class Store:\n    async def get(self, key): ...\n")
    suite.write(
        "test_it.py",
        """
        import anyrig.mocks
        import pytest
        from client import Store

        async def row(): ...

        def given(store): store.get.return_value = row()
        def configured(store): store.get.configure_mock(return_value=row())
        def created(store): anyrig.mocks.create(Store, **{"get.return_value": row()})
        def patched(store): anyrig.mocks.Mocks().patch("client.Stor")
        def patched_deep(store): anyrig.mocks.Mocks().patch("client.Stor.get")
        def asserted(store): store.get.assert_called_once()
        def asserted_parent(store): store.assert_has_calls([anyrig.mocks.call.get()])
        def compared(store): store.get.assert_awaited_with(3)
        def misspelled(store): store.gte
        def misused(store): store.get(1, 2, 3)

        @anyrig.mocks.patch("client.Stor")
        def decorated(store): ...

        @pytest.mark.parametrize("mistake", [
            given, configured, created, patched, patched_deep, asserted, asserted_parent, compared,
            misspelled, misused, decorated,
        ])
        def test_mistake(mocks, mistake):
            mistake(mocks.create(Store))

        async def test_error(mocks):
            store = mocks.create(Store)
            store.get.side_effect = OSError("on purpose")
            await store.get(1)
        """,
    )
    done = suite.spawn("-p", "no:pytest_mock", "-o", "anyrig_backends=trio")
    assert done.counts == {"failed": 12}, done.text
    ends = re.findall(r"^(\S+):\d+: \w*(?:Error)$", done.text, re.MULTILINE)
    assert ends == ["test_it.py"] * 12, done.text
    for foreign in ("mock.py:", "contextlib.py:", "inspect.py:", "pkgutil.py:", "src/anyrig"):
        assert foreign not in done.text
    assert '>   @anyrig.mocks.patch("client.Stor")' in done.text


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


def test_coroutine_of_a_lambda(suite: Suite) -> None:
    """A lambda can't await: what is to be typed in its place has no lambda in it."""
    suite.write(
        "test_it.py",
        """
        class Store:
            def is_known(self, key): ...

        async def known(key): ...

        def test_store(mocks):
            store = mocks.create(Store)
            store.is_known.side_effect = lambda key: known(key)
            assert store.is_known(1)
        """,
    )
    done = suite.spawn()
    mend = "mend:   a lambda can't await: an `async def` in its place, with"
    assert mend in done.text, done.text


@pytest.mark.parametrize(
    ("given", "meant"),
    [("chekpoint", "checkpoint"), ("return_vale", "return_value"), ("side_efect", "side_effect")],
)
def test_a_misspelt_keyword_of_a_stub(given: str, meant: str) -> None:
    """What is near to a keyword is not taken for an attribute; what is far from one is."""
    with pytest.raises(anyrig.MockError, match=f"is near to `{meant}`"):
        am.stub("hook", **dict[str, Any]({given: 1}))
    innocent = am.stub("hook", check=1, relay=2, return_value=3)
    assert (innocent.check, innocent.relay) == (1, 2)
