"""The private names inside ``unittest.mock`` that name a mock and its call."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from types import CoroutineType
from typing import Any
from unittest import mock
from unittest.mock import AsyncMock, MagicMock, Mock, create_autospec

import pytest

from anyrig import mocks
from anyrig.seams.unittest_mock import (
    MOCK_CODE_NAME,
    MockCall,
    MockHooks,
    is_async_mock,
    is_double,
    is_mock_file,
    mock_call_of,
    mock_name,
    mocks_at_work,
)


class Store:
    """What the mocks stand for."""

    async def save(self, name: str) -> None: ...

    def names(self) -> None: ...

    @staticmethod
    async def static() -> None: ...

    @classmethod
    def of_class(cls) -> None: ...


def _call(mocked: Any, *args: Any, **kwargs: Any) -> MockCall:
    coroutine = mocked(*args, **kwargs)
    try:
        call = mock_call_of(coroutine)
    finally:
        coroutine.close()
    assert call is not None
    return call


def test_async_mock_coroutine_is__execute_mock_call() -> None:
    """The coroutine of an ``AsyncMock`` runs the code of ``_execute_mock_call`` in ``mock.py``."""
    coroutine = AsyncMock()()
    code = coroutine.cr_code
    coroutine.close()
    assert code.co_name == MOCK_CODE_NAME == "_execute_mock_call"
    assert is_mock_file(code.co_filename)


@pytest.mark.parametrize("name", ["self", "args", "kwargs"])
def test_async_mock_frame_has(name: str) -> None:
    """The frame of an unstarted mock's coroutine has ``self``, ``args`` and ``kwargs``."""
    mocked = AsyncMock()
    coroutine = mocked(1, two=2)
    names = dict(coroutine.cr_frame.f_locals)
    coroutine.close()
    assert names[name] == {"self": mocked, "args": (1,), "kwargs": {"two": 2}}[name]


@pytest.mark.parametrize("name", ["_extract_mock_name", "_increment_mock_call"])
def test_callable_mixin_has(name: str) -> None:
    """Mocks have this private method."""
    assert inspect.isfunction(getattr(AsyncMock, name))


def test_callable_mixin_defines__increment_mock_call() -> None:
    """``_increment_mock_call`` stands in ``CallableMixin`` itself, where it can be replaced."""
    assert "_increment_mock_call" in vars(mock.CallableMixin)


@pytest.mark.parametrize("kind", [Mock, MagicMock, AsyncMock])
def test_increment_mock_call_is_called_for_each_call(
    kind: type[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each call of a mock passes ``_increment_mock_call`` once, with the call's arguments."""
    seen: list[tuple[Any, ...]] = []
    mixin: Any = mock.CallableMixin
    real = mixin._increment_mock_call

    def ours(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        seen.append((args, kwargs))
        return real(self, *args, **kwargs)

    monkeypatch.setattr(mixin, "_increment_mock_call", ours)
    result = kind()(1, two=2)
    if kind is AsyncMock:
        with pytest.raises(StopIteration):
            result.send(None)
    assert seen == [((1,), {"two": 2})]


@pytest.mark.parametrize("name", ["_mock_parent", "_mock_new_parent", "_mock_name"])
def test_mock_keeps_in_its_dict(name: str) -> None:
    """A child mock has this in its ``__dict__``, where asking makes no new mock."""
    assert name in AsyncMock(name="store").save.__dict__


def test_mock_keeps__spec_class() -> None:
    """A mock with a spec knows the class by ``_spec_class``."""
    assert AsyncMock(spec=Store).__dict__["_spec_class"] is Store


@pytest.mark.parametrize(
    ("made", "name"),
    [
        (lambda: AsyncMock(name="store"), "store"),
        (lambda: AsyncMock(name="store").save, "store.save"),
        (lambda: AsyncMock(name="store").client.get.return_value.json, "store.client.get().json"),
        (AsyncMock, "AsyncMock"),
        (lambda: AsyncMock(name="mock"), "mock"),
        (lambda: AsyncMock().save, "mock.save"),
        (object, "object"),
    ],
)
def test_mock_name(made: Any, name: str) -> None:
    """A mock is named as its author would write it."""
    assert mock_name(made()) == name


def test_call_with_its_arguments() -> None:
    """The call is told with its arguments, long ones shortened."""
    assert _call(AsyncMock(), 1, two="x").arguments == "1, two='x'"
    long = _call(AsyncMock(), "a" * 100, "b" * 100, "c" * 100, "d" * 100).arguments
    assert len(long) <= 60
    assert long.endswith("...")


def test_argument_whose_repr_fails() -> None:
    """A ``__repr__`` that raises does not break the report."""

    class Broken:
        def __repr__(self) -> str:
            raise ValueError

    assert _call(AsyncMock(), Broken()).arguments in ("<Broken>", "<Broken instance>") or (
        "Broken" in _call(AsyncMock(), Broken()).arguments
    )


@pytest.mark.parametrize(
    ("made", "is_sync"),
    [
        (lambda: AsyncMock().names, None),
        (lambda: AsyncMock(spec=Store).save, False),
        (lambda: AsyncMock(spec=Store).static, False),
    ],
)
def test_whether_the_real_one_is_sync(made: Any, is_sync: bool | None) -> None:
    """The spec, where there is one, says whether the real thing is sync."""
    assert _call(made()).real_is_sync is is_sync


@pytest.mark.parametrize("name", ["names", "of_class"])
def test_real_one_is_sync_and_the_mock_is_not(name: str) -> None:
    """An async mock in the place of a sync method is told as such."""
    parent = MagicMock(spec=Store)
    setattr(parent, name, AsyncMock())
    assert _call(getattr(parent, name)).real_is_sync is True


def test_coroutine_of_no_mock() -> None:
    """A coroutine of the user's own is no mock's, whatever its name."""

    async def _execute_mock_call(self: object) -> None: ...

    coroutine: Any = _execute_mock_call(1)
    assert mock_call_of(coroutine) is None
    coroutine.close()


async def save() -> None:
    """What is handed to mocks."""


@pytest.fixture
def notes() -> Iterator[list[tuple[Any, str]]]:
    """What is noted while a note-taker is entered."""
    seen: list[tuple[Any, str]] = []
    with MockHooks(lambda coroutine, mocked: seen.append((coroutine, mock_name(mocked))), print):
        yield seen
    for coroutine, _ in seen:
        coroutine.close()


def test_coroutines_that_are_handed_to_a_mock_are_noted(notes: list[tuple[Any, str]]) -> None:
    """Positional, by keyword and in a list: each coroutine is noted with the mock that got it."""
    one, two, three = save(), save(), save()
    Mock(name="run")(one, key=two, many=[three, 1])
    assert notes == [(one, "run"), (two, "run"), (three, "run")]
    assert all(type(coroutine) is CoroutineType for coroutine, _ in notes)


def test_call_of_a_mock_is_as_before(notes: list[tuple[Any, str]]) -> None:
    """A mock that is watched counts, returns and raises as one that is not."""
    mocked = Mock(return_value=3)
    assert mocked(1, two=2) == 3
    mocked.assert_called_once_with(1, two=2)
    assert notes == []


def test_mock_is_put_back() -> None:
    """After the watch the method is the one that was there."""
    mixin: Any = mock.CallableMixin
    before = mixin.__dict__["_increment_mock_call"]
    with MockHooks(lambda coroutine, mocked: None, print):
        assert mixin.__dict__["_increment_mock_call"] is not before
    assert mixin.__dict__["_increment_mock_call"] is before


async def test_function_of_create_autospec() -> None:
    """It calls ``_checksig_``, and is its mock's ``_mock_delegate``."""
    double = create_autospec(Store.save)
    seen: list[Any] = []
    double.side_effect = lambda *args: seen.extend(mocks_at_work(sys._getframe()))
    await double(Store(), "Ada")
    assert "_checksig_" in double.__code__.co_names
    assert seen[0][0].__dict__["_mock_delegate"] is double
    assert mock_name(seen[0][0]) == "save"


@pytest.mark.parametrize("make", [AsyncMock, lambda: mocks.stub("poll")])
async def test_async_mocks_count_their_awaits(make: Callable[[], Any]) -> None:
    """``await_count`` is on the classes of async mocks, and on no other mock's."""
    double = make()
    await double()
    assert is_async_mock(double)
    assert double.await_count == 1
    assert not any(map(is_async_mock, (MagicMock(), Mock(), Store(), None)))


def test_double_is_told_from_a_stock_mock() -> None:
    """A class of ours is known by its module, also where each mock has a class of its own."""
    assert is_double(mocks.stub("poll"))
    assert not is_double(AsyncMock())


def test_an_error_is_told_before_a_patch_is_undone() -> None:
    """By ``with``, as a decorator and of ``patch.dict``; without an error nothing is told."""
    seen: list[tuple[BaseException, Any]] = []
    holder = {"client": 1}

    @mock.patch.object(Store, "save", "patched")
    def decorated() -> None:
        raise LookupError

    def entered() -> None:
        with mock.patch.dict(holder, client=2):
            raise LookupError

    def told(error: BaseException) -> None:
        seen.append((error, (Store.save, holder["client"])))

    before = Store.save
    with MockHooks(lambda coroutine, mocked: None, told):
        for function in (decorated, entered):
            with pytest.raises(LookupError):
                function()
        with mock.patch.object(Store, "save", "patched"):
            pass
    assert [state for _, state in seen] == [("patched", 1), (before, 2)]
    assert (Store.save, holder) == (before, {"client": 1})
    with mock.patch.object(Store, "save", "patched"), pytest.raises(LookupError):
        entered()
    assert len(seen) == 2
