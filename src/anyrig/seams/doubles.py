"""The mock classes that `anyrig.mocks` hands out: ``unittest.mock``'s own, with other children.

Problem: a stock mock decides by its own class what its attributes are, and an ``AsyncMock`` neither
keeps a record of each call nor lets go of the loop.
Approach: subclasses that make each child from the real attribute (`Nature`), and whose async calls
pass by a `Family` when they are made and when they are awaited.
Limits: private names of ``unittest.mock``: ``_get_child_mock``, ``_mock_add_spec``, ``_mock_call``,
``_execute_mock_call``, ``_increment_mock_call``, ``_mock_check_sig``, ``_mock_new_parent``,
``_mock_new_name``, ``_mock_children``, ``_mock_methods``, ``_mock_sealed``, ``_mock_wraps``,
``_mock_return_value``, ``_mock_side_effect``, ``_mock_delegate``, ``_mock_await_count``,
``_mock_await_args``, ``_mock_await_args_list``, ``_spec_class``, ``_spec_signature``,
``_spec_asyncs``, ``_call_matcher``, ``_get_call_signature_from_name``, ``_Call``,
``AsyncMockMixin``; on 3.11 ``asyncio.coroutines._is_coroutine``. Seen on CPython 3.11 to 3.13.

Problem: a mock that was made elsewhere is to keep a record, too. Approach: each stock mock has a
class of its own, whose bases can be set; the first of them is what its children are made of.
"""

from __future__ import annotations

import functools
import re
import types
from collections.abc import AsyncGenerator, Callable, Collection, Generator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from unittest import mock as stock
from unittest.mock import DEFAULT, AsyncMock, MagicMock, NonCallableMagicMock, NonCallableMock

from ..findings import MockError
from ..own import asyncio, inspect, threading
from .parts import DOUBLES as NEEDS

__tracebackhide__ = True  # a traceback ends at the line of the user's

if TYPE_CHECKING:
    import sys  # type checkers know versions and platforms by this name alone

    _Base: Any = object  # a checker can't know what stock mocks keep to themselves
else:
    from ..own import sys

    _Base = object

NEEDS.require()

_Call: Any = stock._Call
AsyncMockMixin: Any = stock.AsyncMockMixin

F = TypeVar("F", bound=Callable[..., Any])

# stock mocks lose calls that threads make at once; one lock will do, as it is held for a moment
_COUNTING = threading.RLock()
_PARTS = re.compile(r"\(\)|[^.()]+")  # of the name of a call: attributes, and "()" for a call


class Family(Protocol):
    """What the doubles that come of one `create` share."""

    def called(self, double: Any, args: tuple[Any, ...], kwargs: dict[str, Any], /) -> Any:
        """Record a call of an async double."""

    def started(self, record: Any, /) -> bool:
        """Its coroutine takes its first step: record that; gives whether to let go of the loop."""
        ...

    def ended(self, record: Any, error: BaseException | None, /) -> None:
        """It returns, or raises."""

    async def stepped(self) -> None:
        """Let go of the loop."""

    def check(self, records: Sequence[Any], /) -> None:
        """Raise ``AssertionError`` where one of these was not awaited."""

    def check_ended(self, records: Sequence[Any], /) -> None:
        """Raise ``AssertionError`` where one was not awaited, or has not come to its end."""

    def records(self, double: Any) -> list[Any]:
        """The calls of one double, in their order."""
        ...

    def records_below(self, double: Any) -> list[Any]:
        """Those of a double and of all that comes of it."""
        ...

    def forget(self, double: Any) -> None:
        """Drop the calls of one double."""

    def configured(self, double: Any) -> None:
        """A double was told what to give, or to do."""

    def accept(self, nature: Any, name: Callable[[], str], which: str, value: Any) -> None:
        """Raise where what a double is to give, or to do, can't be meant."""

    def accept_result(self, nature: Any, name: Callable[[], str], result: Any) -> None:
        """Raise where what a side effect of an async double has given can't be meant."""

    def hint(self) -> str | None:
        """Why its doubles may not have been called."""

    def unknown(self, name: str, nature: Any) -> Any:
        """What stands where nothing says what there is."""


@dataclass(frozen=True, slots=True, eq=False)
class Spec:
    """What a double of ours takes as ``spec=``."""

    nature: Any  # None for a mock that was made elsewhere
    family: Family
    target: Target | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """What the author of a double has said of its calls, and what one gives by that.

    ``is_function`` and ``is_error`` are of its ``side_effect``, which may be a list of values too.
    ``closed`` notes the names of coroutines.
    """

    outcome: Callable[[], Any]
    closed: Callable[[tuple[str, ...]], object]
    is_function: bool
    is_error: bool
    has_result: bool


class Target(Protocol):
    """What stands behind a double that is given coroutines to await."""

    def call(self, told: Told, args: tuple[Any, ...], kwargs: dict[str, Any], /) -> Any:
        """What a call of a sync double gives."""

    async def call_async(self, told: Told, args: tuple[Any, ...], kwargs: dict[str, Any], /) -> Any:
        """What an awaited call of an async double gives."""


_KEY = "_anyrig_spec"
ASYNC_MAGIC = ("__aenter__", "__aexit__", "__anext__")  # what stock mocks make async
_GIVEN = frozenset({"return_value", "side_effect"})
# what stock mocks set at each call
_COUNTED = frozenset({"await_args", "await_count", "call_args", "call_count", "called"})
_USED = "_anyrig_used"  # set where calls were forgotten


def spec_of(double: Any) -> Spec | None:
    """What a double was made from; None for what is no double of ours."""
    mock = behind(double)
    found = getattr(type(mock), "__mro__", ())
    return mock.__dict__.get(_KEY) if _Told in found else None


def behind(double: Any) -> Any:
    """The mock itself: what ``create_autospec`` makes of a function is a function."""
    return getattr(double, "mock", double) if type(double) is types.FunctionType else double


def is_below(double: Any, above: Any) -> bool:
    """Whether a double is another one, or has come of it."""
    while double is not None:
        if double is above:
            return True
        double = double.__dict__.get("_mock_new_parent")
    return False


def records_below(double: Any) -> list[Any]:
    """The calls of a double and of all that comes of it; of what was attached to it, last."""
    families = dict.fromkeys(spec.family for mock in _tree(double) if (spec := spec_of(mock)))
    return [record for family in families for record in family.records_below(double)]


def _tree(mock: Any) -> Collection[Any]:
    """A mock and all that it has made or was given, each once."""
    seen: dict[int, Any] = {}  # the mock's id -> the mock; a return value may be its own parent
    todo = [mock]
    while todo:
        mock = todo.pop()
        if id(mock) not in seen and is_mock(mock):
            seen[id(mock)] = mock
            todo += mock.__dict__["_mock_children"].values()
            todo.append(mock.__dict__.get("_mock_return_value"))
    return seen.values()


def told_below(double: Any) -> list[Any]:
    """A double and those of ours that have come of it; what Python itself calls is left out."""
    return [
        mock
        for mock in _tree(behind(double))
        if spec_of(mock) is not None and not str(mock.__dict__["_mock_new_name"]).startswith("__")
    ]


def was_called(mock: Any) -> bool:
    """Whether a mock was ever called, also before a ``reset_mock``."""
    return bool(mock.call_count) or _USED in mock.__dict__


def given_result(mock: Any) -> Any:
    """The return value that somebody gave a mock; None where it has one of its own making."""
    value = mock.__dict__.get("_mock_return_value", DEFAULT)
    if value is DEFAULT:
        return None
    names = value.__dict__ if is_mock(value) else {}
    is_own = names.get("_mock_new_name") == "()" and names.get("_mock_new_parent") is mock
    return None if is_own else value


def is_mock(thing: object) -> bool:
    """Whether it is a mock of whatever class, a double of ours too."""
    return is_mock_class(type(thing))  # its ``__class__`` is that of its spec


def is_mock_class(cls: type) -> bool:
    """Whether its objects are mocks."""
    return issubclass(cls, NonCallableMock)


def _path(double: Any, above: Any) -> str:
    """The name of a double's calls in the ``mock_calls`` of one above it."""
    path = ""
    while double is not above:
        names = double.__dict__
        name = names["_mock_new_name"]
        path = name + ("." if path and not path.startswith("()") else "") + path
        double = names["_mock_new_parent"]
    return path


def make(spec: Spec, **kwargs: Any) -> Any:
    """A double, of the class that its nature asks for."""
    if kwargs.get("return_value", DEFAULT) is not DEFAULT:  # which stock mocks put down unseen
        spec.family.accept(
            spec.nature, lambda: kwargs["name"], "return_value", kwargs["return_value"]
        )
    try:
        return _class_of(spec.nature)(spec=spec, **kwargs)
    except MockError as error:
        raise error.with_traceback(None)  # noqa: B904 - anew: stock frames are nobody's


class _Told(_Base):  # type: ignore[misc]
    """What has a `Spec`; stands before the stock class."""

    def _increment_mock_call(self, /, *args: Any, **kwargs: Any) -> None:
        with _COUNTING:
            super()._increment_mock_call(*args, **kwargs)

    def reset_mock(self, /, *args: Any, **kwargs: Any) -> None:
        """As the stock one."""
        if self.call_count:
            self.__dict__[_USED] = True
        super().reset_mock(*args, **kwargs)

    def assert_all_awaited(self) -> None:
        """Raise ``AssertionError`` where a call of this double, or below it, was not awaited."""
        self._check(records_below(self))

    def assert_no_pending(self) -> None:
        """Raise ``AssertionError`` where a call is not awaited yet, or has not come to its end."""
        self.__dict__[_KEY].family.check_ended(records_below(self))

    def assert_has_calls(self, calls: Sequence[Any], any_order: bool = False) -> None:
        """These calls were made, and each async one that is like one of them was awaited."""
        super().assert_has_calls(calls, any_order=any_order)
        self._check(self._like(calls, records_below(self)))

    def _like(self, calls: Sequence[Any], records: Sequence[Any], /) -> list[Any]:
        # names are compared here: to a call without one, calls of all names are equal
        expected = [(call[0] if len(call) > 2 else "", self._call_matcher(call)) for call in calls]
        found = []
        for record in records:
            name = _path(record.double, self)
            made = self._call_matcher(_Call((name, record.args, record.kwargs)))
            if any(name == wanted and like == made for wanted, like in expected):
                found.append(record)
        return found

    def _check(self, records: Sequence[Any], /) -> None:
        self.__dict__[_KEY].family.check(records)


class _Doubled(_Told):
    """What is the same in all doubles that are made from a `Nature`."""

    # here, and not in a property: a stock frame between would end the traceback
    def __setattr__(self, name: str, value: Any) -> None:
        if name in _COUNTED:
            object.__setattr__(self, name, value)  # as the stock one does; at each call
            return
        if name in _GIVEN and value is not None and value is not DEFAULT:
            spec: Spec | None = self.__dict__.get(_KEY)
            if spec is not None:
                spec.family.accept(spec.nature, self._extract_mock_name, name, value)
                spec.family.configured(self)
        super().__setattr__(name, value)

    def configure_mock(self, /, **kwargs: Any) -> None:
        """As the stock one."""
        try:
            super().configure_mock(**kwargs)
        except MockError as error:
            raise error.with_traceback(None)  # noqa: B904 - as in `make`

    def _mock_add_spec(self, spec: Any, *args: Any, **kwargs: Any) -> None:
        if not isinstance(spec, Spec):
            super()._mock_add_spec(spec, *args, **kwargs)
            return
        nature = spec.nature
        self.__dict__.update(
            {
                _KEY: spec,
                "_spec_class": nature.cls,
                "_spec_set": None,
                "_spec_signature": nature.signature,
                "_mock_methods": nature.names(),
                "_spec_asyncs": [],
            }
        )
        if nature.signature is not None:
            type(self).__signature__ = nature.signature

    def __getattr__(self, name: str) -> Any:
        try:
            found = super().__getattr__(name)
        except AttributeError as error:
            if not self._is_made_by_code(name):
                raise error.with_traceback(None)  # noqa: B904 - as in `make`
            self.__dict__["_mock_methods"].append(name)
            found = super().__getattr__(name)
        # stock mocks hold children that are mocks: a constant is handed out from its holder
        return found.value if type(found) is _Constant else found

    def _is_made_by_code(self, name: str, /) -> bool:
        """Whether it is no attribute of the class, and its code makes one of that name."""
        spec: Spec | None = self.__dict__.get(_KEY)
        names = self.__dict__.get("_mock_methods")
        if spec is None or names is None or name in names or name.startswith(("_", "assert")):
            return False
        return not self._mock_sealed and spec.nature.by_code(name) is not None

    def _get_child_mock(self, /, **kwargs: Any) -> Any:
        spec: Spec | None = self.__dict__.get(_KEY)
        name = kwargs.get("_new_name")
        if spec is None or self._mock_sealed or _is_everybodys(name, spec.nature):
            return _stock_child(self, super()._get_child_mock, kwargs)
        nature = spec.nature
        if name != "()":
            return _child(self, spec, nature.attribute(name), kwargs)
        if nature.gives_itself and _is_object(self.__dict__["_mock_new_parent"]):
            return self.__dict__["_mock_new_parent"]
        child = _child(self, spec, nature.result(), kwargs)
        return child.value if type(child) is _Constant else child

    def _mock_check_sig(self, /, *args: Any, **kwargs: Any) -> None:
        signature = self.__dict__["_spec_signature"]
        if signature is not None:
            try:
                signature.bind(*args, **kwargs)
            except TypeError as error:
                raise error.with_traceback(None)  # noqa: B904 - as in `make`

    def _get_call_signature_from_name(self, name: str) -> inspect.Signature | None:
        # stock mocks pass over return values, and take the signature of what gave them
        mock: Any = self
        for part in _PARTS.findall(name):
            if type(mock) is types.FunctionType:  # an autospecced function that was attached
                mock = mock.__dict__.get("mock")
            names = mock.__dict__ if is_mock(mock) else {}
            children = names.get("_mock_children", {})
            mock = names.get("_mock_return_value") if part == "()" else children.get(part)
        return mock.__dict__["_spec_signature"] if is_mock(mock) else None


class _Constant:
    """Holds a constant among the children of a mock."""

    def __init__(self, value: object) -> None:
        self.value = value

    def reset_mock(self, *args: Any, **kwargs: Any) -> None:
        """A constant has nothing to reset; stock mocks reset each child."""


def _is_everybodys(name: Any, nature: Any) -> bool:
    """Whether it is a magic method that the real thing has only because every object has it."""
    if not (isinstance(name, str) and name.startswith("__") and name.endswith("__")):
        return False
    if nature.is_open:  # anything can be entered with `async with`, as stock mocks can
        return name not in ASYNC_MAGIC
    if nature.enters is not inspect.Signature.empty:
        return False
    found = inspect.getattr_static(nature.thing, name, None)
    return bool(found is None or found is inspect.getattr_static(object, name, None))


def _is_object(double: Any) -> bool:
    """Whether it is a double of an object of a class, and not of a class or of nothing."""
    spec = spec_of(double)
    return spec is not None and spec.nature is not None and spec.nature.is_object


def _stock_child(double: Any, get: Callable[..., Any], kwargs: dict[str, Any]) -> Any:
    if double._mock_sealed:
        return get(**kwargs)
    return MagicMock(**kwargs)


def _child(double: Any, spec: Spec, nature: Any, kwargs: dict[str, Any]) -> Any:
    if hasattr(nature, "called"):
        return make(Spec(nature, spec.family), **kwargs)
    if hasattr(nature, "value"):
        return _Constant(nature.value)
    name = double._extract_mock_name() + ("" if kwargs["_new_name"] == "()" else ".")
    return _Constant(spec.family.unknown(name + kwargs["_new_name"], nature))


class Plain(_Doubled, NonCallableMagicMock):
    """A double of an object that can't be called."""


class _Await:
    """What stands as ``__await__`` in a class of doubles, as in stock ones their magic methods."""

    def __get__(self, double: Any, cls: type) -> Any:
        if double is None:
            return self
        children = double.__dict__["_mock_children"]
        if "__await__" not in children:
            names = {"name": "__await__", "_new_name": "__await__", "_new_parent": double}
            children["__await__"] = double._get_child_mock(**names)
        return children["__await__"]


class _Awaited(_Base):  # type: ignore[misc]
    """A double of what is awaited itself; stands before the other classes."""

    __await__ = _Await()


class _Calling(_Told):
    """A sync mock that may stand for what awaits what it is given."""

    def _execute_mock_call(self, /, *args: Any, **kwargs: Any) -> Any:
        spec: Spec | None = self.__dict__.get(_KEY)
        give = super()._execute_mock_call
        if spec is None or spec.target is None:
            result = give(*args, **kwargs)
            if spec is None or spec.nature is None or not spec.nature.gives_awaitable:
                return result
            return _handed(result, spec.nature)
        record = spec.family.called(self, args, kwargs)
        spec.family.started(record)
        try:
            told = _told(self, lambda: give(*args, **kwargs), record)
            result = spec.target.call(told, args, kwargs)
        except BaseException as error:
            spec.family.ended(record, error)
            raise
        spec.family.ended(record, None)
        return result


def _handed(value: Any, nature: Any) -> Any:
    """What a call gives whose result is awaited, and may be entered: that, or the value in it."""
    is_entered = hasattr(nature.result().cls, "__aenter__")
    if hasattr(type(value), "__await__") and (hasattr(type(value), "__aenter__") or not is_entered):
        return value
    return _Entered(value) if is_entered else _Handed(value)


class _Handed:
    """Stands for a value where the real thing gives something to await."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._given().__await__()

    async def _given(self) -> Any:
        return await self._value if inspect.isawaitable(self._value) else self._value

    def __getattr__(self, name: str) -> Any:
        return getattr(self._value, name)


class _Entered(_Handed):
    """And where that is entered as well: a value that has no way to enter it is what that gives."""

    async def __aenter__(self) -> Any:
        self._value = await self._given()
        if hasattr(type(self._value), "__aenter__"):
            return await self._value.__aenter__()
        return self._value

    async def __aexit__(self, *error: object) -> Any:
        if hasattr(type(self._value), "__aexit__"):
            return await self._value.__aexit__(*error)
        return None


def _told(double: Any, outcome: Callable[[], Any], record: Any) -> Told:
    effect = double.side_effect
    return Told(
        outcome=outcome,
        closed=functools.partial(setattr, record, "closed"),
        is_function=callable(effect) and not _is_error(effect),
        is_error=_is_error(effect),
        has_result=effect is not None or double._mock_return_value is not DEFAULT,
    )


class Sync(_Calling, _Doubled, MagicMock):
    """A double of a sync function, a class, or an object with a sync ``__call__``."""


class Awaiting(_Doubled, MagicMock):
    """A double of ``__await__``: what it is told to give is what awaiting the object gives."""

    def _execute_mock_call(self, /, *args: Any, **kwargs: Any) -> Any:
        return self._await(super()._execute_mock_call).__await__()

    async def _await(self, give: Callable[[], Any], /) -> Any:
        await self.__dict__[_KEY].family.stepped()
        names = self.__dict__
        is_told = names["_mock_side_effect"] is not None or given_result(self) is not None
        entering = None if is_told else self._entering()
        if entering is not None:
            return entering.return_value
        result = give()
        return await result if inspect.iscoroutine(result) else result

    def _entering(self) -> Any:
        """The double of ``__aenter__`` that gives the same."""
        above = self.__dict__["_mock_new_parent"]
        if not hasattr(type(above), "__aenter__"):
            return None
        entering, nature = above.__aenter__, self.__dict__[_KEY].nature
        spec = spec_of(entering)
        is_known = spec is not None and spec.nature is not None
        is_same = is_known and entering.__dict__[_KEY].nature.returns == nature.returns
        return entering if is_same or given_result(entering) is not None else None


class AsyncGenerating(_Doubled, MagicMock):
    """A double of an async generator function: a call gives what goes through the values."""

    def _execute_mock_call(self, /, *args: Any, **kwargs: Any) -> Any:
        return self._generate(args, kwargs)

    async def _generate(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], /
    ) -> AsyncGenerator[Any]:
        family = self.__dict__[_KEY].family
        await family.stepped()
        values = self._values(args, kwargs)
        if not hasattr(values, "__next__"):
            async with _closing(values):
                async for value in values:
                    yield value
                    await family.stepped()
            return
        for value in values:
            if _is_error(value):
                raise value
            yield value
            await family.stepped()

    def _values(self, args: tuple[Any, ...], kwargs: dict[str, Any], /) -> Any:
        if self.side_effect is None and self._mock_return_value is DEFAULT:
            return iter(())
        if self.side_effect is not None and not callable(self.side_effect):
            if isinstance(self.side_effect, BaseException):
                raise self.side_effect
            return _iterated(self.side_effect)
        return _iterated(super()._execute_mock_call(*args, **kwargs))


def _iterated(values: Any) -> Any:
    """An iterator over values; what can be iterated over by ``async for`` alone is left so."""
    if hasattr(values, "__anext__") and not hasattr(values, "__aiter__"):
        return _Stepping(values)  # stock mocks' own: what `__aiter__.return_value` is put into
    is_for_async = hasattr(values, "__aiter__") and not hasattr(values, "__iter__")
    return values if is_for_async else iter(values)


class _Stepping:
    """An async iterator over what has only the step."""

    def __init__(self, values: Any) -> None:
        self._values = values

    def __aiter__(self) -> _Stepping:
        return self

    async def __anext__(self) -> Any:
        return await self._values.__anext__()


def _closing(values: Any) -> AbstractAsyncContextManager[Any]:
    return aclosing(values) if hasattr(values, "aclose") else nullcontext()


def _is_error(value: Any) -> bool:
    """Whether it can be raised: an exception, or a class of them."""
    is_class = isinstance(value, type) and issubclass(value, BaseException)
    return is_class or isinstance(value, BaseException)


def _marked_async(function: F) -> F:
    """A sync function of which ``iscoroutinefunction`` says that it is async."""
    if sys.version_info >= (3, 12):
        return inspect.markcoroutinefunction(function)
    else:  # noqa: RET505 - asyncio's own mark, as 3.11's inspect has none
        marked: Any = function
        marked._is_coroutine = asyncio.coroutines._is_coroutine  # type: ignore[attr-defined]
        return function


class _Recorded(_Told):
    """An async mock each of whose calls is on record, and lets go of the loop."""

    _is_by_hand = False

    def _mock_call(self, /, *args: Any, **kwargs: Any) -> Any:
        record = self.__dict__[_KEY].family.called(self, args, kwargs)
        return self._execute_mock_call(record, args, kwargs)

    # of this name, and with these arguments, as `unittest_mock.mock_call_of` knows it
    async def _execute_mock_call(
        self, record: Any, args: tuple[Any, ...], kwargs: dict[str, Any], /
    ) -> Any:
        family = self.__dict__[_KEY].family
        call = _Call((args, kwargs), two=True)
        with _COUNTING:
            self._count_await(call)
        try:
            if family.started(record):
                await family.stepped()
            names = self.__dict__
            target, given = names[_KEY].target, names["_mock_return_value"]
            is_told = names["_mock_side_effect"] is None and names["_mock_delegate"] is None
            if target is None and is_told and given is not DEFAULT and not self._is_by_hand:
                result = given  # as nearly all calls end
            elif target is None:
                result = await self._outcome(args, kwargs)
            else:
                told = _told(self, lambda: self._outcome(args, kwargs), record)
                result = await target.call_async(told, args, kwargs)
        except BaseException as error:
            family.ended(record, error)
            raise
        family.ended(record, None)
        return result

    def _count_await(self, call: Any) -> None:
        names = self.__dict__
        if names["_mock_delegate"] is None:
            # a stock mock's own __setattr__ takes longer than all the rest
            names["_mock_await_count"] += 1
            names["_mock_await_args"] = call
            names["_mock_await_args_list"].append(call)
        else:  # of an autospecced function, which has these itself
            self.await_count += 1
            self.await_args = call
            self.await_args_list.append(call)

    async def _outcome(self, args: tuple[Any, ...], kwargs: dict[str, Any], /) -> Any:
        source = self.side_effect
        if source is None:
            source = self._mock_wraps if self._mock_return_value is DEFAULT else None
        elif _is_error(source):
            raise source  # here: a stock frame would end the traceback
        try:
            # the sync mock's way through side_effect, return_value and wraps
            result = MagicMock._execute_mock_call(self, *args, **kwargs)
        except StopIteration:  # a side_effect that is used up: no coroutine may raise this
            raise StopAsyncIteration from None
        if source is not None and is_async(source):
            result = await result
        elif source is not None:
            spec = self.__dict__[_KEY]
            spec.family.accept_result(spec.nature, self._extract_mock_name, result)
        return self.return_value if result is DEFAULT else result

    def reset_mock(self, /, *args: Any, **kwargs: Any) -> None:
        """As the stock one; the records of this double's calls go, too."""
        super().reset_mock(*args, **kwargs)
        self.__dict__[_KEY].family.forget(self)

    def _records(self) -> list[Any]:
        return self.__dict__[_KEY].family.records(self)  # type: ignore[no-any-return]

    def assert_called(self) -> None:
        """Called at least once, and each call was awaited."""
        super().assert_called()
        self._check(self._records())

    def assert_called_once(self) -> None:
        """Called once, and that call was awaited."""
        super().assert_called_once()
        self._check(self._records())

    def assert_called_with(self, /, *args: Any, **kwargs: Any) -> None:
        """The last call had these arguments, and was awaited."""
        super().assert_called_with(*args, **kwargs)
        self._check(self._records()[-1:])

    def assert_called_once_with(self, /, *args: Any, **kwargs: Any) -> None:
        """Called once, with these arguments, and that call was awaited."""
        super().assert_called_once_with(*args, **kwargs)
        self._check(self._records())

    def assert_any_call(self, /, *args: Any, **kwargs: Any) -> None:
        """A call had these arguments, and one that had them was awaited."""
        super().assert_any_call(*args, **kwargs)
        matching = self._like([_Call((args, kwargs), two=True)], self._records())
        if not any(record.awaited for record in matching):
            self._check(matching)


def is_async(function: Any) -> bool:
    """Whether what a call of it gives is to be awaited; an object may have an async call."""
    call = getattr(type(function), "__call__", None)  # noqa: B004
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)


class Async(_Recorded, _Doubled, AsyncMock):
    """A double of an async function, or of an object with an async ``__call__``."""

    @_marked_async
    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """As the stock one; marked, so that what asks ``double.__call__`` sees that it is async."""
        self._mock_check_sig(*args, **kwargs)
        self._increment_mock_call(*args, **kwargs)
        return self._mock_call(*args, **kwargs)


class AsyncByHand(Async):
    """A double of a sync function that gives something to be awaited, as ``return_value`` may."""

    _is_by_hand = True

    async def _outcome(self, args: tuple[Any, ...], kwargs: dict[str, Any], /) -> Any:
        result = await super()._outcome(args, kwargs)
        return await result if inspect.isawaitable(result) else result


class _Adapted(_Calling):
    """A stock mock that was made elsewhere; what comes of it is adapted as well."""

    def __getattr__(self, name: str) -> Any:
        return self._with_us(super().__getattr__(name))  # what is made from an autospec

    def _get_child_mock(self, /, **kwargs: Any) -> Any:
        return self._with_us(super()._get_child_mock(**kwargs))

    def _with_us(self, child: Any) -> Any:
        spec = self.__dict__.get(_KEY)  # none in one that is being made
        return child if spec is None else adapt(child, spec.family)


class _AdaptedAsync(_Recorded, _Adapted):
    """One that is async."""


def adapt(thing: Any, family: Family, target: Target | None = None) -> Any:
    """Have a stock mock, and what comes of it, tell a family of its calls; gives it back.

    Whatever else it is given, it leaves as it is; so it does a double of ours.
    """
    mock = behind(thing)
    if not is_stock(mock):
        return thing
    cls: Any = type(mock)  # each stock mock has a class of its own
    if not issubclass(cls, _Adapted):
        cls.__bases__ = (_adapted(cls.__bases__),)
    mock.__dict__[_KEY] = Spec(None, family, target)
    for child in (*mock._mock_children.values(), mock.__dict__.get("_mock_return_value")):
        adapt(child, family)
    return thing


@functools.cache  # as many as there are kinds of stock mocks
def _adapted(bases: tuple[Any, ...]) -> type:
    """One class for the bases of a stock mock's: that makes its children of the first of them."""
    is_async = any(issubclass(base, AsyncMockMixin) for base in bases)
    ours: Any = _AdaptedAsync if is_async else _Adapted
    return type(bases[-1].__name__, (ours, *bases), {})


def is_stock(thing: Any) -> bool:
    """Whether it is a mock of ``unittest.mock``'s own, as that makes them."""
    mock = behind(thing)
    return is_mock(mock) and _KEY not in mock.__dict__


def _explaining(cls: Any, name: str) -> Any:
    """An assertion whose error ends the traceback, and says why a double was never called."""

    def explained(double: Any, /, *args: Any, **kwargs: Any) -> None:
        try:
            getattr(super(cls, double), name)(*args, **kwargs)
        except AssertionError as error:
            why = double.__dict__[_KEY].family.hint()
            if why is not None:
                raise AssertionError(f"{error}\n{why}") from error.__cause__
            raise error.with_traceback(None)  # noqa: B904 - as in `make`

    stock = getattr(AsyncMock, name)
    return functools.wraps(stock)(explained)


for _name in ("called", "called_once", "called_with", "called_once_with", "any_call", "has_calls",
              "not_called"):  # fmt: skip
    setattr(_Doubled, f"assert_{_name}", _explaining(_Doubled, f"assert_{_name}"))
for _name in ("awaited", "awaited_once", "awaited_with", "awaited_once_with", "any_await",
              "has_awaits", "not_awaited"):  # fmt: skip
    setattr(Async, f"assert_{_name}", _explaining(Async, f"assert_{_name}"))

_CLASSES: dict[str, Any] = {
    "not callable": Plain,
    "sync": Sync,
    "async": Async,
    "async generator": AsyncGenerating,
    "awaited": Awaiting,
}


def _class_of(nature: Any) -> Any:
    cls: Any = AsyncByHand if nature.is_by_hand else _CLASSES[nature.called.value]
    return _awaited_too(cls) if nature.is_awaitable else cls


@functools.cache  # as many as there are kinds of doubles
def _awaited_too(cls: Any) -> Any:
    return type(cls.__name__, (_Awaited, cls), {})
