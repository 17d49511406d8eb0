"""What a real thing is: how it is called, with what, and what it gives, attribute by attribute.

Problem: a mock has to be async where the real thing is, and nowhere else.
Approach: the real thing is asked without running any code of it: attributes are looked up
statically, decorators and partials are peeled off, and annotations, or the code itself, say what a
call gives (`readings`).
Limits: a sync wrapper (``functools.wraps``) that runs an async function to its end looks async; an
attribute that ``__init__`` alone makes is seen on an instance, and on its class where the code or
an annotation says its class.
"""

from __future__ import annotations

import contextlib
import enum
import functools
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias
from unittest.mock import AsyncMock, Mock

from ..annotations import hint_of, hints, signature
from ..own import inspect, sys
from ..seams.doubles import ASYNC_MAGIC, is_mock
from . import generics, readings
from .generics import EMPTY
from .readings import FUNCTIONS, Called, Method, Of, Type, read

__all__ = [
    "AnyNature",
    "Called",
    "Nature",
    "Unknown",
    "Value",
    "of",
    "of_attribute",
    "of_instance",
]

_MISSING = object()
# from Python 3.14 on a partial in a class is a method
_PARTIAL_TAKES_SELF = sys.version_info >= (3, 14)
_SLOT = (types.MemberDescriptorType, types.GetSetDescriptorType)
# what a class or module keeps of these is the same for a double; none can be changed
_CONSTANTS = (type(None), bool, int, float, complex, str, bytes, enum.Enum, frozenset, range)
# functions that contextlib has made of generators: all share one code
_ASYNC_CONTEXT: Any = contextlib.asynccontextmanager(contextlib.aclosing).__code__  # type: ignore[arg-type]
_CONTEXT: Any = contextlib.contextmanager(contextlib.closing).__code__  # type: ignore[arg-type]
_CONTEXTS = (contextlib.AbstractAsyncContextManager, contextlib.AbstractContextManager)


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
    object of it. ``returns`` is the hint of what a call gives, and ``owner`` the hint of the class
    that ``Self`` means there. ``is_open``: there is no real thing, and any arguments will do.
    ``enters`` is what ``with`` and ``async with`` give, where the code of the class can't tell.
    ``is_by_hand``: async, and by hand: a sync function that gives an awaitable.
    """

    called: Called
    thing: Any = None
    is_instance: bool = False
    signature: inspect.Signature | None = None
    returns: Any = EMPTY
    owner: Any = None
    is_open: bool = False
    enters: Any = EMPTY
    is_by_hand: bool = False

    @property
    def cls(self) -> type | None:
        """What ``__class__`` says of a double."""
        # inspect looks into what says that it is a partial, and finds a double there
        if self.is_open or isinstance(self.thing, functools.partial):
            return None
        return self.thing if self.is_instance else type(self.thing)

    @property
    def is_object(self) -> bool:
        """Whether it is an object, and no class."""
        return self.is_instance or not isinstance(self.thing, type)

    @property
    def gives_itself(self) -> bool:
        """Whether a call is annotated as ``Self``."""
        return self.returns is typing.Self

    @property
    def may_give_awaitable(self) -> bool:
        """Whether what a call gives, or awaiting that, is annotated as what may be awaited."""
        if isinstance(self.returns, _Entering):
            return False
        return self.is_by_hand or generics.may_be_awaitable(self.returns)

    @property
    def gives_awaitable(self) -> bool:
        """Whether what a sync call gives is of a class that is awaited, or entered as well."""
        return self.called is Called.SYNC and generics.has(self.returns, "__await__")

    @property
    def is_awaitable(self) -> bool:
        """Whether the thing itself is awaited."""
        if self.is_open or self.thing is None or isinstance(self.thing, type | types.ModuleType):
            return self.is_instance and generics.has(self.thing, "__await__")
        return not _is_function(self.thing) and generics.has(type(self.thing), "__await__")

    @property
    def says_what_it_gives(self) -> bool:
        """Whether anything says what a call gives."""
        return self.is_open or not (self.returns in (EMPTY, Any) or isinstance(self.returns, str))

    def names(self) -> list[str] | None:
        """The attributes that there are; None where any are."""
        if self.is_open:
            return None
        cls = self.thing if isinstance(self.thing, type) else type(self.thing)
        return sorted({*dir(self.thing), *hints(cls)})

    def attribute(self, name: str) -> AnyNature:
        """What stands under a name."""
        if name == "__await__" and self.is_awaitable:
            return self._awaited()
        if name == "_asyncio_future_blocking":
            return Value(None)  # else asyncio takes a double of a future for one, and waits for it
        if self.enters is not EMPTY and name in ("__enter__", "__aenter__"):
            called = Called.ASYNC if name == "__aenter__" else Called.SYNC
            return Nature(called, is_open=True, returns=self.enters, owner=self.owner)
        if self.is_open and name in ASYNC_MAGIC:
            return OPEN_ASYNC
        if _is_function(self.thing) and name.startswith("__"):
            return Value(getattr(self.thing, name))  # what inspect asks of functions
        found = inspect.getattr_static(self.thing, name, _MISSING)
        cls = self.thing if isinstance(self.thing, type) else type(self.thing)
        definer = next((base for base in cls.__mro__ if name in vars(base)), cls)
        owner = self.owner if generics.class_of(self.owner) is cls else cls
        if found is _MISSING or isinstance(found, _SLOT):
            hint = generics.in_class(hint_of(cls, name), owner, definer)
            made = self.by_code(name) if found is _MISSING and hint is EMPTY else None
            return _of_hint(hint, owner) if made is None else made
        is_class = isinstance(self.thing, type) and not self.is_instance
        is_own = not isinstance(self.thing, type) and name in _own_names(self.thing)
        nature = _of_member(found, owner, definer, is_bound=not is_class and not is_own)
        return nature if not isinstance(nature, Nature) else nature._with_base(owner, name)

    def by_code(self, name: str) -> AnyNature | None:
        """What `__init__`, or else `__getattr__`, makes under a name that no class has."""
        if self.is_open or self.thing is None or not self.is_object or _is_function(self.thing):
            return None
        owner = self.owner if self.is_instance else type(self.thing)
        made = readings.attribute(owner, name) or readings.attribute(owner, "__getattr__")
        if isinstance(made, Type) and isinstance(made.hint, type):
            return of(made.hint)
        if isinstance(made, Method):
            made = Of(read(made).gives)
        is_known = isinstance(made, Of) and generics.is_double(made.hint)
        return _of_hint(made.hint, owner) if is_known and isinstance(made, Of) else None

    def _awaited(self) -> Nature:
        owner = self.owner if self.is_instance else type(self.thing)
        returns = readings.awaited(owner)
        if returns is EMPTY and generics.has(owner, "__aenter__"):  # most give the same by both
            entering = self.attribute("__aenter__")
            returns = entering.returns if isinstance(entering, Nature) else EMPTY
        if returns == owner:
            returns = typing.Self
        return Nature(Called.AWAITED, is_open=True, returns=returns, owner=owner)

    def _with_base(self, owner: Any, name: str) -> Nature:
        """With what a generic base class says, where nothing else says what it gives."""
        if not name.startswith("__") or self.returns not in (EMPTY, Any, typing.Self):
            return self
        said = generics.said_by_base(owner, name)
        return self if said is EMPTY else replace(self, returns=said)

    def result(self) -> AnyNature:
        """What a call gives; of an async one, what awaiting it gives."""
        if isinstance(self.thing, type) and not self.is_instance:
            return of_instance(self.thing)
        if self.is_open and self.returns is EMPTY and self.called is not Called.AWAITED:
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
        return _of_member(real, object, object, is_bound=True)
    if _is_function(real) or isinstance(real, functools.partial):
        return _of_function(real, _method(real), is_bound=False)
    return of_instance(type(real), real)


def _of_mock(cls: type) -> Nature:
    """Of a mock in the real thing: its class alone tells, as its attributes are made when asked."""
    if issubclass(cls, AsyncMock):
        return OPEN_ASYNC
    return Nature(Called.SYNC if issubclass(cls, Mock) else Called.NEVER, is_open=True)


def of_instance(hint: Any, real: Any = _MISSING) -> Nature:
    """The nature of an object of a class, which may have type arguments, or of the very object."""
    cls = generics.class_of(hint)
    thing = cls if real is _MISSING else real
    is_instance = real is _MISSING
    enters = _entered(hint)
    call = readings.member(cls, "__call__")
    if call is None or isinstance(call[0], types.WrapperDescriptorType):
        return Nature(Called.NEVER, thing, is_instance, owner=hint, enters=enters)
    method = Method(call[0], hint, call[1], Of(hint, is_self=True))
    how = _of_function(call[0], method, is_bound=True)
    return Nature(
        how.called, thing, is_instance, how.signature, how.returns, hint,
        enters=enters, is_by_hand=how.is_by_hand,
    )  # fmt: skip


def _entered(hint: Any) -> Any:
    """What `with` gives of one of Python's own abstract context managers."""
    arguments = typing.get_args(hint)
    return arguments[0] if arguments and generics.class_of(hint) in _CONTEXTS else EMPTY


def of_attribute(owner: Any, name: str) -> AnyNature:
    """The nature of what a patch replaces: in a class, as its objects see it."""
    if isinstance(owner, type):
        return of_instance(owner).attribute(name)
    return of(getattr(owner, name))


def _of_member(found: Any, owner: Any, definer: type, *, is_bound: bool) -> AnyNature:
    if is_mock(found):
        return _of_mock(type(found))
    method = readings.method_of(found, owner, definer)
    if isinstance(found, property | functools.cached_property) and method is not None:
        return _of_hint(read(method).hint, owner)
    if isinstance(found, staticmethod | classmethod) and method is not None:
        is_bound = isinstance(found, classmethod)
        return _of_function(method.function, method, is_bound=is_bound)
    if isinstance(found, functools.partialmethod):
        made = functools.partial(found.func, *((None,) if is_bound else ()), *found.args)
        made.keywords.update(found.keywords)
        return _of_function(
            made, Method(made, owner, definer, Of(owner, is_self=True)), is_bound=False
        )
    if isinstance(found, functools.singledispatchmethod):
        method = Method(found.func, owner, definer, Of(owner, is_self=True))
        return _of_function(found.func, method, is_bound=is_bound)
    if isinstance(found, (*FUNCTIONS, functools.partial)) and method is not None:
        # a function in a class takes self; a bound method does not
        is_partial = isinstance(found, functools.partial)
        takes_self = _PARTIAL_TAKES_SELF if is_partial else not isinstance(found, types.MethodType)
        is_builtin = isinstance(found, types.BuiltinFunctionType)
        if isinstance(found, types.MethodType):
            method = _method(found)
        return _of_function(found, method, is_bound=is_bound and takes_self and not is_builtin)
    if _is_function(found):
        method = Method(found, owner, definer, Of(owner, is_self=True))
        return _of_function(found, method, is_bound=is_bound)
    cls: Any = type(found)
    if hasattr(cls, "__get__"):
        return _of_hint(hint_of(cls.__get__, "return", cls), cls)
    return of(found)


def _method(function: Any) -> Method:
    """A function as it stands; a bound method is one of its object."""
    thing = readings.thing_of(function)
    return thing if isinstance(thing, Method) else Method(function)


def _is_function(thing: object) -> bool:
    """Whether it is one, or a decorator's own object; `inspect.isroutine` takes any descriptor."""
    return isinstance(thing, FUNCTIONS) or (callable(thing) and hasattr(type(thing), "__get__"))


def _of_function(function: Any, method: Method, *, is_bound: bool) -> Nature:
    signature = _signature(function)
    if signature is not None and is_bound:
        signature = signature.replace(parameters=list(signature.parameters.values())[1:])
    owner = method.owner
    code: Any = getattr(readings.without_partials(function), "__code__", None)
    if code in (_ASYNC_CONTEXT, _CONTEXT):
        said = readings.annotated(method)
        return Nature(Called.SYNC, function, False, signature, _Entering(code, said, owner), owner)
    how = read(method)
    return Nature(
        how.called, function, False, signature, how.gives, owner, is_by_hand=how.is_by_hand
    )


@dataclass(frozen=True, slots=True)
class _Entering:
    """The hint, as it were, of a function that contextlib has made of a generator."""

    code: types.CodeType
    generator: Any
    owner: Any

    def nature(self) -> Nature:
        is_async = self.code is _ASYNC_CONTEXT
        cls: Any = contextlib.AbstractContextManager
        if is_async:
            cls = contextlib.AbstractAsyncContextManager
        arguments = typing.get_args(self.generator)
        enters = arguments[0] if arguments else Any
        if enters is typing.Self and self.owner is not None:
            enters = self.owner
        return Nature(Called.NEVER, cls, is_instance=True, owner=cls, enters=enters)


def _signature(function: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return signature(function)
    except (ValueError, TypeError):  # built in, without a text signature: any arguments will do
        return None


def _of_hint(hint: Any, owner: Any) -> AnyNature:
    """What a hint says: one class, or None; all else is unknown."""
    if isinstance(hint, _Entering):
        return hint.nature()
    if isinstance(hint, typing.ForwardRef):
        hint = hint.__forward_arg__
    if hint is None or hint is type(None):
        return Value(None)
    if hint is typing.Self and owner is not None:
        return of_instance(owner)
    if hint is EMPTY:
        return Unknown()
    if generics.is_double(hint):
        return of_instance(hint)
    return Unknown(inspect.formatannotation(hint))


def _own_names(thing: Any) -> typing.Container[str]:
    if isinstance(thing, types.ModuleType):
        return vars(thing)
    try:
        return object.__getattribute__(thing, "__dict__").keys()  # type: ignore[no-any-return]
    except AttributeError:
        return ()
