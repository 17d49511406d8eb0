"""The private names of ``unittest.mock`` that our own mock classes override or ask for."""

from __future__ import annotations

import asyncio
import inspect
import sys
from typing import Any
from unittest import mock
from unittest.mock import (
    AsyncMock,
    AsyncMockMixin,
    MagicMock,
    Mock,
    NonCallableMagicMock,
    NonCallableMock,
)

import pytest

from anyrig import mocks
from anyrig.mocks.ledger import Ledger
from anyrig.seams.doubles import adapt
from anyrig.seams.unittest_mock import mock_call_of

OVERRIDDEN = (
    "_get_child_mock",
    "_mock_add_spec",
    "_mock_call",
    "_mock_check_sig",
    "_increment_mock_call",
    "_get_call_signature_from_name",
)


@pytest.mark.parametrize("name", [*OVERRIDDEN, "_execute_mock_call", "_call_matcher"])
@pytest.mark.parametrize("kind", [MagicMock, AsyncMock])
def test_mock_has(kind: type[Any], name: str) -> None:
    """Stock mocks have this private method."""
    assert inspect.isfunction(getattr(kind, name))


@pytest.mark.parametrize(
    "name",
    [
        "_mock_methods",
        "_spec_class",
        "_spec_set",
        "_spec_signature",
        "_spec_asyncs",
        "_mock_new_parent",
        "_mock_sealed",
        "_mock_wraps",
        "_mock_return_value",
        "_mock_delegate",
        "_mock_side_effect",
        "_mock_children",
        "_mock_new_name",
    ],
)
def test_mock_keeps_in_its_dict(name: str) -> None:
    """Stock mocks keep this in their ``__dict__``."""
    assert name in MagicMock().__dict__


@pytest.mark.parametrize("name", ["await_count", "await_args", "await_args_list"])
def test_async_mock_keeps_its_awaits_in_its_dict(name: str) -> None:
    """What an ``AsyncMock`` says of its awaits is kept under the name with ``_mock_`` before it."""
    stock, value = AsyncMock(), object()
    stock.__dict__[f"_mock_{name}"] = value
    assert getattr(stock, name) is value


def test_children_are_made_by__get_child_mock(monkeypatch: pytest.MonkeyPatch) -> None:
    """An attribute, a magic method and a return value come of ``_get_child_mock``."""
    seen: list[str] = []

    class Ours(MagicMock):
        def _get_child_mock(self, /, **kwargs: Any) -> Any:
            seen.append(kwargs["_new_name"])
            return MagicMock(**kwargs)

    ours = Ours()
    _ = ours.name, ours.return_value, ours.__len__
    assert seen == ["name", "()", "__len__"]


def test_spec_is_taken_by__mock_add_spec() -> None:
    """What is given as ``spec=`` reaches ``_mock_add_spec``, of whatever type it is."""
    seen: list[object] = []

    class Ours(NonCallableMagicMock):
        def _mock_add_spec(self, spec: Any, *args: Any, **kwargs: Any) -> None:
            seen.append(spec)
            super()._mock_add_spec(None, *args, **kwargs)

    spec = object()
    Ours(spec=spec)
    assert seen == [spec]


def test_call_passes_the_signature_the_count_and__mock_call() -> None:
    """A call asks ``_mock_check_sig``, is counted, and what ``_mock_call`` gives is its result."""
    seen: list[str] = []

    class Ours(AsyncMock):
        def _mock_check_sig(self, /, *args: Any, **kwargs: Any) -> None:
            seen.append("signature")

        def _increment_mock_call(self, /, *args: Any, **kwargs: Any) -> None:
            seen.append("count")

        def _mock_call(self, /, *args: Any, **kwargs: Any) -> Any:
            seen.append("call")
            return 3

    result: Any = Ours()(1)
    assert result == 3
    assert seen == ["signature", "count", "call"]


def test_matcher_asks_for_signatures_by_name() -> None:
    """``_call_matcher`` asks ``_get_call_signature_from_name`` for that of a call with a name."""
    seen: list[str] = []

    class Ours(MagicMock):
        def _get_call_signature_from_name(self, name: str) -> inspect.Signature:
            seen.append(name)
            return inspect.signature(lambda a, b: None)

    ours: Any = Ours()
    written, made = mock.call.one().two(1, b=2), mock.call.one().two(1, 2)
    assert ours._call_matcher(written) == ours._call_matcher(made)
    assert seen == ["one().two"] * 2


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="Python 3.12 has a public mark")
def test_asyncio_knows_its_own_mark() -> None:
    """``_is_coroutine`` on a function is what ``asyncio.iscoroutinefunction`` asks for."""

    def function() -> None: ...

    assert not asyncio.iscoroutinefunction(function)
    function._is_coroutine = asyncio.coroutines._is_coroutine  # type: ignore[attr-defined]
    assert asyncio.iscoroutinefunction(function)


def test_call_objects_are_equal_to_stock_ones() -> None:
    """``_Call`` takes ``two=True`` and compares with what ``call`` makes."""
    made: Any = mock._Call(((1,), {"two": 2}), two=True)
    assert made == mock.call(1, two=2)


def test_coroutine_of_a_double_is_known() -> None:
    """A double's coroutine tells mock and call, as an ``AsyncMock``'s does."""
    coroutine = mocks.stub("hook")(1, two="x")
    call = mock_call_of(coroutine)
    coroutine.close()
    assert call is not None
    assert (call.name, call.arguments, call.real_is_sync) == ("hook", "1, two='x'", False)


@pytest.mark.parametrize("kind", [AsyncMock, MagicMock, Mock, NonCallableMock])
def test_each_mock_has_a_class_of_its_own(kind: type[Any]) -> None:
    """``__bases__`` of one can be set, and children are made of ``__mro__[1]``."""
    one, other = kind(), kind()
    assert type(one) is not type(other)
    assert type(one).__mro__[1] is kind
    adapt(one, Ledger())
    assert type(other).__mro__[1] is kind
    assert isinstance(one, kind)
    assert isinstance(one.child, AsyncMock if kind is AsyncMock else Mock)


@pytest.mark.parametrize("spec", ["async", "sync"])
def test_async_mocks_have__async_mock_mixin(spec: str) -> None:
    """``AsyncMockMixin`` tells those that are async, also of a `MagicMock` with a spec."""

    async def real() -> None: ...

    mock = MagicMock(spec=real if spec == "async" else len)
    assert isinstance(mock, AsyncMockMixin) is (spec == "async")


def test_children_are_kept_in__mock_children() -> None:
    """A mock that is adapted has those adapted that are there already."""
    mock = MagicMock()
    child = mock.child
    assert child in mock._mock_children.values()
