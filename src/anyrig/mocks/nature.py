"""What a real thing is: how it is called, with what, and what it gives, attribute by attribute.

Problem: a mock has to be async where the real thing is, and nowhere else.
Approach: the real thing is asked without running any code of it: attributes are looked up
statically, decorators and partials are peeled off, and annotations say what a call gives.
Limits: a sync wrapper (``functools.wraps``) that runs an async function to its end looks async; an
attribute that ``__init__`` alone makes is seen on an instance and not on its class.
"""

from __future__ import annotations

import contextlib
import enum
import functools
import types
import typing
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeAlias
from unittest.mock import AsyncMock, Mock

from ..annotations import hints, signature
from ..own import inspect, sys
from ..seams.doubles import ASYNC_MAGIC, is_mock

_MISSING = object()
# from Python 3.14 on a partial in a class is a method
_PARTIAL_TAKES_SELF = sys.version_info >= (3, 14)
_EMPTY = inspect.Signature.empty
_SLOT = (types.MemberDescriptorType, types.GetSetDescriptorType)
_FUNCTIONS = (
    types.FunctionType,
    types.MethodType,
    types.BuiltinFunctionType,
    types.MethodWrapperType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.ClassMethodDescriptorType,
)
# what a class or module keeps of these is the same for a double; none can be changed
_CONSTANTS = (type(None), bool, int, float, complex, str, bytes, enum.Enum, frozenset, range)
# functions that contextlib has made of generators: all share one code
_ASYNC_CONTEXT: Any = contextlib.asynccontextmanager(contextlib.aclosing).__code__  # type: ignore[arg-type]
_CONTEXT: Any = contextlib.contextmanager(contextlib.closing).__code__  # type: ignore[arg-type]


class Called(enum.Enum):
    """What a call of a thing is."""

    NEVER = "not callable"
    SYNC = "sync"
    ASYNC = "async"
    ASYNC_GENERATOR = "async generator"


@dataclass(frozen=True, slots=True)
class Value:
    """A thing that stands for itself: a constant of the real one, or None."""

    value: object


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nothing says what this is; ``hint`` is the annotation, as text, where there is one."""

    hint: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Nature:
    """What a double is made from.

    ``thing`` has its attributes; ``is_instance`` is true where ``thing`` is a class and this is an
    object of it. ``returns`` is the annotation of what a call gives, and ``owner`` the class that
    ``Self`` means there. ``is_open``: there is no real thing, and any arguments will do.
    ``enters`` is what ``with`` and ``async with`` give, where the code of the class can't tell.
    ``is_by_hand``: async, and by hand: a sync function that is annotated to give an awaitable.
    """

    called: Called
    thing: Any = None
    is_instance: bool = False
    signature: inspect.Signature | None = None
    returns: Any = _EMPTY
    owner: type | None = None
    is_open: bool = False
    enters: Any = _EMPTY
    is_by_hand: bool = False

    @property
    def cls(self) -> type | None:
        """What ``__class__`` says of a double."""
        # inspect looks into what says that it is a partial, and finds a double there
        if self.is_open or isinstance(self.thing, functools.partial):
            return None
        return self.thing if self.is_instance else type(self.thing)

    @property
    def gives_itself(self) -> bool:
        """Whether a call is annotated as ``Self``."""
        return self.returns is typing.Self

    @property
    def may_give_awaitable(self) -> bool:
        """Whether what a call gives, or awaiting that, is annotated as what may be awaited."""
        return self.is_by_hand or _may_be_awaitable(self.returns)

    def names(self) -> list[str] | None:
        """The attributes that there are; None where any are."""
        if self.is_open:
            return None
        cls = self.thing if isinstance(self.thing, type) else type(self.thing)
        return sorted({*dir(self.thing), *hints(cls)})

    def attribute(self, name: str) -> AnyNature:
        """What stands under a name."""
        if self.enters is not _EMPTY and name in ("__enter__", "__aenter__"):
            called = Called.ASYNC if name == "__aenter__" else Called.SYNC
            return Nature(called, is_open=True, returns=self.enters)
        if self.is_open and name in ASYNC_MAGIC:
            return OPEN_ASYNC
        if _is_function(self.thing) and name.startswith("__"):
            return Value(getattr(self.thing, name))  # what inspect asks of functions
        found = inspect.getattr_static(self.thing, name, _MISSING)
        cls = self.thing if isinstance(self.thing, type) else type(self.thing)
        if found is _MISSING or isinstance(found, _SLOT):
            return _of_hint(hints(cls).get(name, _EMPTY), cls)
        is_class = isinstance(self.thing, type) and not self.is_instance
        is_own = not isinstance(self.thing, type) and name in _own_names(self.thing)
        return _of_member(found, cls, is_bound=not is_class and not is_own)

    def result(self) -> AnyNature:
        """What a call gives; of an async one, what awaiting it gives."""
        if isinstance(self.thing, type) and not self.is_instance:
            return of_instance(self.thing)
        if self.is_open and self.returns is _EMPTY:
            return Value(None)
        return _of_hint(self.returns, self.owner)


AnyNature: TypeAlias = "Nature | Value | Unknown"

OPEN_ASYNC = Nature(Called.ASYNC, is_open=True)


def of(real: Any) -> AnyNature:
    """The nature of a thing as it stands: a class is a class."""
    if isinstance(real, type):
        return Nature(Called.SYNC, real, signature=_signature(real))
    if is_mock(real):
        return _of_mock(type(real))
    if isinstance(real, _CONSTANTS):
        return Value(real)
    if isinstance(real, staticmethod | classmethod):
        return _of_member(real, object, is_bound=True)
    if _is_function(real) or isinstance(real, functools.partial):
        return _of_function(real, is_bound=False, owner=None)
    return of_instance(type(real), real)


def _of_mock(cls: type) -> Nature:
    """Of a mock in the real thing: its class alone tells, as its attributes are made when asked."""
    if issubclass(cls, AsyncMock):
        return OPEN_ASYNC
    return Nature(Called.SYNC if issubclass(cls, Mock) else Called.NEVER, is_open=True)


def of_instance(cls: type, real: Any = _MISSING) -> Nature:
    """The nature of an object of a class, or of the very object."""
    thing = cls if real is _MISSING else real
    is_instance = real is _MISSING
    call = inspect.getattr_static(cls, "__call__", None)
    if call is None or isinstance(call, types.WrapperDescriptorType):
        return Nature(Called.NEVER, thing, is_instance, owner=cls)
    how = _of_function(call, is_bound=True, owner=cls)
    return Nature(
        how.called, thing, is_instance, how.signature, how.returns, cls, is_by_hand=how.is_by_hand
    )


def of_attribute(owner: Any, name: str) -> AnyNature:
    """The nature of what a patch replaces: in a class, as its objects see it."""
    if isinstance(owner, type):
        return of_instance(owner).attribute(name)
    return of(getattr(owner, name))


def _of_member(found: Any, cls: type, *, is_bound: bool) -> AnyNature:
    if is_mock(found):
        return _of_mock(type(found))
    if isinstance(found, property):
        return _of_hint(_return_hint(found.fget), cls)
    if isinstance(found, functools.cached_property):
        return _of_hint(_return_hint(found.func), cls)
    if isinstance(found, staticmethod):
        return _of_function(found.__func__, is_bound=False, owner=cls)
    if isinstance(found, classmethod):
        return _of_function(found.__func__, is_bound=True, owner=cls)
    if isinstance(found, functools.partialmethod):
        made = functools.partial(found.func, *((None,) if is_bound else ()), *found.args)
        made.keywords.update(found.keywords)
        return _of_function(made, is_bound=False, owner=cls)
    if isinstance(found, functools.singledispatchmethod):
        return _of_function(found.func, is_bound=is_bound, owner=cls)
    if isinstance(found, (*_FUNCTIONS, functools.partial)):
        # a function in a class takes self; a bound method does not
        is_partial = isinstance(found, functools.partial)
        takes_self = _PARTIAL_TAKES_SELF if is_partial else not isinstance(found, types.MethodType)
        is_builtin = isinstance(found, types.BuiltinFunctionType)
        return _of_function(found, is_bound=is_bound and takes_self and not is_builtin, owner=cls)
    if _is_function(found):
        return _of_function(found, is_bound=is_bound, owner=cls)
    if hasattr(type(found), "__get__"):
        return _of_hint(_return_hint(type(found).__get__), type(found))
    return of(found)


def _is_function(thing: object) -> bool:
    """Whether it is one, or a decorator's own object; `inspect.isroutine` takes any descriptor."""
    return isinstance(thing, _FUNCTIONS) or (callable(thing) and hasattr(type(thing), "__get__"))


def _of_function(function: Any, *, is_bound: bool, owner: type | None) -> Nature:
    signature = _signature(function)
    if signature is not None and is_bound:
        signature = signature.replace(parameters=list(signature.parameters.values())[1:])
    inner = _innermost(function)
    returns = _return_hint(inner)
    if returns is _EMPTY and not isinstance(inner, _FUNCTIONS):
        returns = _return_hint(inspect.getattr_static(type(inner), "__call__", None))
    code: Any = getattr(_without_partials(function), "__code__", None)
    if code in (_ASYNC_CONTEXT, _CONTEXT):
        return Nature(Called.SYNC, function, False, signature, _Entering(code, returns), owner)
    called = _how_called(inner)
    origin = typing.get_origin(returns) or returns
    if called is Called.SYNC and origin in (Awaitable, Coroutine):
        result = _last(returns)
        return Nature(Called.ASYNC, function, False, signature, result, owner, is_by_hand=True)
    return Nature(called, function, False, signature, returns, owner)


@dataclass(frozen=True, slots=True)
class _Entering:
    """The annotation, as it were, of a function that contextlib has made of a generator."""

    code: types.CodeType
    generator: Any

    def nature(self) -> Nature:
        is_async = self.code is _ASYNC_CONTEXT
        cls: Any = contextlib.AbstractContextManager
        if is_async:
            cls = contextlib.AbstractAsyncContextManager
        arguments = typing.get_args(self.generator)
        enters = arguments[0] if arguments else Any
        return Nature(Called.NEVER, cls, is_instance=True, owner=cls, enters=enters)


def _how_called(function: Any) -> Called:
    if not isinstance(function, _FUNCTIONS):
        call = inspect.getattr_static(type(function), "__call__", None)
        if call is not None and inspect.isroutine(call):
            call = _innermost(call)
            if _is_colored(call):
                function = call
    if inspect.iscoroutinefunction(function):
        return Called.ASYNC
    if inspect.isasyncgenfunction(function):
        return Called.ASYNC_GENERATOR
    return Called.SYNC


def _is_colored(function: Any) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def _innermost(function: Any) -> Any:
    """The function below partials and decorators; one that is marked async is not gone below."""
    function = _without_partials(function)
    with contextlib.suppress(ValueError):  # decorators in a ring
        inner = inspect.unwrap(function, stop=inspect.iscoroutinefunction)
        function = inner if inner is function else _without_partials(inner)
    return function


def _without_partials(function: Any) -> Any:
    while isinstance(function, functools.partial):
        function = function.func
    return function


def _signature(function: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return signature(function)
    except (ValueError, TypeError):  # built in, without a text signature: any arguments will do
        return None


def _return_hint(function: Any) -> Any:
    return hints(function).get("return", _EMPTY)


def _of_hint(hint: Any, owner: type | None) -> AnyNature:
    """What an annotation says: one class, or None; all else is unknown."""
    if isinstance(hint, _Entering):
        return hint.nature()
    if isinstance(hint, typing.ForwardRef):
        hint = hint.__forward_arg__
    if hint is None or hint is type(None):
        return Value(None)
    if hint is typing.Self and owner is not None:
        return of_instance(owner)
    if hint is _EMPTY:
        return Unknown()
    cls: Any = typing.get_origin(hint) or hint
    # a double of a str is no str to anything written in C: better to say what to give
    says_one = isinstance(cls, type) and cls is not Any and cls is not types.UnionType
    if says_one and cls.__module__ != "builtins":
        return of_instance(typing.cast("type", cls))
    return Unknown(inspect.formatannotation(hint))


def _may_be_awaitable(hint: Any) -> bool:
    if hint is _EMPTY or hint is None or isinstance(hint, _Entering):
        return False
    origin = typing.get_origin(hint) or hint
    if origin in (typing.Union, types.UnionType):
        return any(map(_may_be_awaitable, typing.get_args(hint)))
    if isinstance(origin, type) and origin not in (Any, object):
        return issubclass(origin, Awaitable)
    return origin is not typing.Self  # Any, a type variable, a name for type checkers alone


def _last(hint: Any) -> Any:
    return (typing.get_args(hint) or (_EMPTY,))[-1]


def _own_names(thing: Any) -> typing.Container[str]:
    if isinstance(thing, types.ModuleType):
        return vars(thing)
    try:
        return object.__getattribute__(thing, "__dict__").keys()  # type: ignore[no-any-return]
    except AttributeError:
        return ()
