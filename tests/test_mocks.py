"""Doubles: `anyrig.mocks` and the fixture ``mocks``, on asyncio and trio and without a loop."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import types
import typing
from collections.abc import AsyncIterator
from typing import Any
from unittest.mock import AsyncMock, MagicMock, create_autospec

import anyio
import pytest

import anyrig
from anyrig import mocks as am
from anyrig.mocks import Mocks


class Row:
    """What a store gives."""

    key: int

    def tag(self) -> str:
        return "row"

    async def refresh(self) -> None: ...


class Store:
    """What most doubles here stand for."""

    LIMIT = 5
    row: Row

    def __init__(self, url: str) -> None:
        self.url = url

    async def save(self, name: str, *, force: bool = False) -> None: ...

    async def get(self, key: int) -> Row:
        return Row()

    async def count(self):  # type: ignore[no-untyped-def]
        return 1

    def names(self) -> list[str]:
        return []

    async def scan(self, start: int = 0) -> AsyncIterator[int]:
        yield start

    @property
    def last(self) -> Row:
        return Row()

    @classmethod
    async def connect(cls, url: str) -> typing.Self:
        return cls(url)

    @staticmethod
    def normal(name: str) -> None: ...

    async def __aenter__(self) -> typing.Self:
        return self

    async def __aexit__(self, *exc: object) -> None: ...

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Row]:
        yield Row()


async def fetch(url: str) -> Row:
    """Something for patches."""
    return Row()


def close(*coroutines: Any) -> None:
    """What a test makes to look at, and does not await, is closed."""
    for coroutine in coroutines:
        coroutine.close()


# -- line 1: what there is ---------------------------------------------------------------------


async def test_double_of_a_class_stands_for_an_object_of_it() -> None:
    """A class is a spec for its objects."""
    store = am.create(Store)
    assert isinstance(store, Store)
    await store.save("a", force=True)
    am.of(store.save).assert_awaited_once_with("a", force=True)
    am.of(store).save.assert_called_once_with(name="a", force=True)


async def test_double_of_a_function() -> None:
    """A function's double is an async function of its signature."""
    row = object()
    double = am.create(fetch, return_value=row)
    assert inspect.iscoroutinefunction(double)
    assert inspect.signature(double) == inspect.signature(fetch)
    assert await double("url") is row


async def test_side_effects_are_those_of_a_stock_mock() -> None:
    """A function, an async function, an exception and an iterable do what they always did."""

    async def later(value: int) -> int:
        return value + 1

    assert await am.stub("one", side_effect=lambda value: value + 1)(1) == 2
    assert await am.stub("two", side_effect=later)(1) == 2
    steps = am.stub("three", side_effect=[1, ValueError("used")])
    assert await steps() == 1
    with pytest.raises(ValueError, match="used"):
        await steps()
    with pytest.raises(StopAsyncIteration):
        await steps()
    with pytest.raises(KeyError):
        await am.stub("four", side_effect=KeyError)()


async def test_side_effect_that_gives_the_default() -> None:
    """``DEFAULT`` from a side effect, sync or async, stands for the return value."""
    from unittest.mock import DEFAULT

    async def later() -> Any:
        return DEFAULT

    assert await am.stub("one", side_effect=lambda: DEFAULT, return_value=3)() == 3
    assert await am.stub("two", side_effect=later, return_value=3)() == 3


async def test_stub_takes_anything_and_gives_none() -> None:
    """A stub without more is an async function that does nothing."""
    hook = am.stub("hook")
    assert await hook(1, two=am.ANY) is None
    hook.assert_awaited_once_with(am.ANY, two=am.ANY)
    assert hook.await_args == am.call(1, two=am.ANY)


async def test_patch_stands_and_is_undone() -> None:
    """In a ``with``, what stands at the target says what the double is."""
    real = fetch
    with am.patch(f"{__name__}.fetch", return_value=None) as double:
        assert fetch is double
        await fetch("url")
    assert fetch is real  # type: ignore[comparison-overlap,unused-ignore]
    am.of(double).assert_awaited_once_with("url")


async def test_patched_class_gives_doubles_of_its_objects() -> None:
    """A class's double gives doubles of objects; ``MagicMock(spec=C)()`` loses what C is."""
    assert not inspect.iscoroutinefunction(MagicMock(spec=Store)("url").save)
    with am.patch(f"{__name__}.Store"):
        store = Store("url")
        await store.save("a")
        assert isinstance(store.names, MagicMock)
        with pytest.raises(TypeError, match="url"):
            Store()  # type: ignore[call-arg]


async def test_patched_method_takes_no_self() -> None:
    """A double in a class is called as the method of an object is."""
    with am.patch.object(Store, "save") as save:
        await Store("url").save("a")
    save.assert_awaited_once_with("a")


def test_patch_as_a_decorator() -> None:
    """A patch around a function lasts as long as its call."""
    config = {"a": 1}

    @am.patch.dict(config, b=2)
    def changed() -> dict[str, int]:
        return dict(config)

    assert changed() == {"a": 1, "b": 2}
    assert config == {"a": 1}


async def test_patch_around_an_async_function() -> None:
    """A patch around an async function lasts until it has run to its end."""

    @am.patch(f"{__name__}.fetch", return_value=3)
    async def patched() -> object:
        await anyio.lowlevel.checkpoint()
        return await fetch("url")

    assert await patched() == 3


def test_mock_as_a_spec() -> None:
    """A mock of another make is refused; one of ours is known."""
    with pytest.raises(anyrig.MockError, match="a mock already"):
        am.create(MagicMock())
    assert isinstance(am.create(am.create(Store)), Store)
    place = types.SimpleNamespace(fetch=fetch)
    with am.patch.object(place, "fetch"), am.patch.object(place, "fetch") as inner:
        assert inspect.iscoroutinefunction(inner)


def test_target_that_is_not_there() -> None:
    """A patch of what does not exist says so."""
    with pytest.raises(anyrig.MockError, match="no_such"), am.patch(f"{__name__}.no_such"):
        pass


def test_fixture_undoes_the_last_first() -> None:
    """Patches on top of each other are taken off in the other order, also where a test fails."""
    mocks = Mocks()
    place = types.SimpleNamespace(value=1)
    mocks.patch.object(place, "value", 2)
    mocks.patch.object(place, "value", 3)
    mocks.patch.dict(vars(place), other=4)
    assert place.value == 3
    mocks.close()
    assert vars(place) == {"value": 1}


async def test_fixture(mocks: Mocks) -> None:
    """The fixture has the same names, and its patches stand at once."""
    double = mocks.patch(f"{__name__}.fetch")
    store = mocks.create(Store)
    await store.save("a")
    await mocks.stub("hook")()
    await fetch("url")
    double.assert_awaited_once_with(mocks.ANY)
    mocks.assert_all_awaited()
    mocks.assert_no_pending()


def test_works_without_pytest() -> None:
    """A double lives in any loop."""
    store = am.create(Store)
    asyncio.run(store.save("a"))
    am.of(store.save).assert_awaited_once_with("a")


# -- line 2: asyncness and signatures ----------------------------------------------------------


async def test_wrong_arguments_are_a_type_error() -> None:
    """A call takes what the real one takes, and says so at the call."""
    store = am.create(Store)
    with pytest.raises(TypeError, match="name"):
        await store.save()  # type: ignore[call-arg]
    with pytest.raises(AttributeError, match="sav"):
        await store.sav("a")  # type: ignore[attr-defined]


async def test_what_a_call_gives_is_what_its_annotation_names() -> None:
    """A class gives a double of its object, deeply; None gives None."""
    store = am.create(Store)
    row = await store.get(1)
    assert isinstance(row, Row)
    await row.refresh()
    assert isinstance(store.last, Row)
    assert isinstance(store.row, Row)
    assert await store.save("a") is None  # type: ignore[func-returns-value]


async def test_what_nothing_tells_can_be_passed_on_and_no_more() -> None:
    """Without an annotation nothing is guessed: using it says what to give."""
    store = am.create(Store)
    found: Any = await store.count()  # type: ignore[no-untyped-call]
    assert found == found
    give = r"mend:   store\.count\.return_value = \.\.\."
    for use in (lambda: found.bit_length, found, lambda: bool(found), lambda: found[0]):
        with pytest.raises(anyrig.MockError, match=give):
            use()
    with pytest.raises(anyrig.MockError, match="annotation list"):
        list(store.names())


async def test_async_with() -> None:
    """``async with`` gives the double itself where the real one gives ``Self``."""
    store = am.create(Store)
    async with store as entered:
        assert entered is store
    am.of(store).__aexit__.assert_awaited_once()


async def test_async_context_manager_function() -> None:
    """A function of ``asynccontextmanager`` is called, and what it gives is entered."""
    async with am.create(Store).transaction() as row:
        assert isinstance(row, Row)


async def test_async_generator_gives_its_values() -> None:
    """A call of an async generator's double is gone through with ``async for``."""
    store = am.create(Store)
    am.of(store.scan).return_value = [1, 2]
    assert [key async for key in store.scan(start=3)] == [1, 2]
    assert [key async for key in store.scan()] == [1, 2]
    am.of(store.scan).assert_called_with()
    am.of(store.scan).side_effect = [1, ValueError("cut")]
    with pytest.raises(ValueError, match="cut"):
        _ = [key async for key in store.scan()]


async def test_double_without_values_is_an_empty_async_generator() -> None:
    """Nothing given, nothing comes."""
    assert [key async for key in am.create(Store).scan()] == []


async def test_classmethods_and_staticmethods() -> None:
    """Neither takes ``self`` or ``cls``."""
    store = am.create(Store)
    assert await store.connect("url") is not None
    store.normal("a")
    with pytest.raises(TypeError):
        await store.connect()  # type: ignore[call-arg]


async def test_attributes_that_an_object_alone_has() -> None:
    """An object is a spec with what is in it; a class knows of what is annotated alone."""
    with pytest.raises(AttributeError):
        _ = am.create(Store).url
    store = Store("url")
    store.hook = fetch  # type: ignore[attr-defined]
    double: Any = am.create(store)
    assert double.url == "url"
    assert double.LIMIT == 5
    assert isinstance(await double.hook("u"), Row)
    double.hook.assert_awaited_once_with("u")


# -- line 3: each call is awaited --------------------------------------------------------------


async def test_stock_assertion_passes_where_nothing_was_awaited() -> None:
    """A stock ``assert_called_once_with`` passes with no await; ours does not."""
    stock = create_autospec(Store, instance=True).save
    close(stock("name"))
    stock.assert_called_once_with("name")
    ours = am.create(fetch)
    close(ours("url"))
    with pytest.raises(AssertionError, match=r"`fetch\('url'\)` was called at .*\.py:\d+"):
        am.of(ours).assert_called_once_with("url")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("assert_called", ()),
        ("assert_called_once", ()),
        ("assert_called_with", ("url",)),
        ("assert_called_once_with", ("url",)),
        ("assert_any_call", ("url",)),
        ("assert_has_calls", ([am.call("url")],)),
        ("assert_all_awaited", ()),
        ("assert_no_pending", ()),
    ],
)
async def test_assertion_counts_awaited_calls(name: str, arguments: tuple[Any, ...]) -> None:
    """Each assertion about calls fails before the call is awaited, and passes after it."""
    double = am.create(fetch)
    coroutine = double("url")
    with pytest.raises(AssertionError, match="never awaited"):
        getattr(double, name)(*arguments)
    await coroutine
    getattr(double, name)(*arguments)


async def test_assertion_counts_its_own_calls_alone() -> None:
    """What the last call did not is said of the last call, and one that was awaited will do."""
    double = am.of(am.create(fetch))
    dropped = double("a")
    await double("b")
    double.assert_called_with("b")
    double.assert_any_call("b")
    double.assert_has_calls([am.call("b")])
    with pytest.raises(AssertionError, match="never awaited"):
        double.assert_any_call("a")
    with pytest.raises(AssertionError, match="call not found"):
        double.assert_any_call("c")
    await double("a")
    double.assert_any_call("a")
    close(dropped)


async def test_record_of_a_call() -> None:
    """A record knows the call, its line, who awaited it and how it ended."""
    store = am.create(Store)
    coroutine = store.save("a")
    (record,) = am.calls(store)
    assert (record.name, record.args, record.kwargs) == ("store.save", ("a",), {})
    assert (record.frames[0][0], record.frames[0][2]) == (__file__, "test_record_of_a_call")
    assert (record.awaited, record.task, record.outcome) == (False, None, None)
    await coroutine
    assert (record.awaited, record.outcome) == (True, "returned")
    assert record.task == anyio.get_current_task().name
    am.of(store).reset_mock()
    assert am.calls(store) == []


async def test_cancelled_in_the_middle() -> None:
    """A call that is cancelled was awaited, and its side effect did not happen."""
    done: list[int] = []
    double = am.stub("double", side_effect=lambda: done.append(1))
    with anyio.CancelScope() as scope:
        scope.cancel()
        await double()
    (record,) = am.calls(double)
    assert record.awaited is True
    assert record.outcome == anyio.get_cancelled_exc_class().__name__
    assert done == []
    double.assert_no_pending()


async def test_a_hundred_tasks() -> None:
    """Each of many concurrent calls is one record, whatever becomes of it."""
    double = am.stub("double", side_effect=[None, KeyError("odd")] * 50)

    async def call(number: int) -> None:
        with contextlib.suppress(KeyError):
            await double(number)

    async with anyio.create_task_group() as group:
        for number in range(100):
            group.start_soon(call, number, name=f"task {number}")
    records = am.calls(double)
    assert sorted(record.args[0] for record in records) == list(range(100))
    assert all(record.task == f"task {record.args[0]}" for record in records)
    assert [record.outcome for record in records].count("KeyError") == 50
    assert double.await_count == 100
    double.assert_all_awaited()


async def test_pending_while_it_runs() -> None:
    """A call on its way is awaited, and not at its end."""
    started, go_on = anyio.Event(), anyio.Event()

    async def wait() -> None:
        started.set()
        await go_on.wait()

    double = am.stub("double", side_effect=wait)
    async with anyio.create_task_group() as group:
        group.start_soon(double, name="waiter")
        await started.wait()
        double.assert_all_awaited()
        with pytest.raises(AssertionError, match="waiter awaits it"):
            double.assert_no_pending()
        go_on.set()


# -- line 4: they yield ------------------------------------------------------------------------


async def test_stock_mock_never_yields() -> None:
    """Between two calls of a stock mock nothing else runs; between two of ours it does."""
    for double, others in ((AsyncMock(), []), (am.stub("double"), ["ran"])):
        ran: list[str] = []

        async def other(ran: list[str] = ran) -> None:
            ran.append("ran")

        async with anyio.create_task_group() as group:
            group.start_soon(other)
            for _ in range(3):
                await double()
            assert ran == others


async def test_loop_around_a_double_can_be_stopped() -> None:
    """A poll without end is cancelled, as one of the real thing is."""
    double = am.stub("poll", return_value=False)
    with anyio.CancelScope() as scope:
        while not await double():
            if double.await_count == 10:
                scope.cancel()
    assert double.await_count == 11


async def test_checkpoint_can_be_turned_off() -> None:
    """With ``checkpoint=False`` a cancelled scope is not seen."""
    double = am.stub("double", checkpoint=False, return_value=1)
    with anyio.CancelScope() as scope:
        scope.cancel()
        assert await double() == 1


async def test_delay_takes_virtual_time(clock: anyrig.Clock) -> None:
    """A call with a delay takes it, by the test's clock."""
    await am.create(Store, delay=60).save("a")
    assert clock.time() == 60


def test_outside_of_any_loop() -> None:
    """A coroutine that is driven by hand needs no loop."""
    coroutine = am.stub("double", return_value=3)()
    with pytest.raises(StopIteration) as stop:
        coroutine.send(None)
    assert stop.value.value == 3


def test_what_is_no_double() -> None:
    """What is asked of something else says so."""
    with pytest.raises(anyrig.MockError, match="no double"):
        am.of(MagicMock())
    with pytest.raises(anyrig.MockError, match="no double"):
        am.calls(3)
    with pytest.raises(anyrig.MockError, match="to make a double from"):
        am.create(3)
