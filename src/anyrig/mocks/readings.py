"""How a function is called, and what a call of it gives: by its annotation, else by its code.

Problem: what a double is depends on what the real function gives, and that stands in many places:
an annotation with type variables, one that a decorator has copied from the function below it, one
of a base class that a subclass has made async, or nowhere but in ``return self._call(...)``.
Approach: annotations first. Where they say nothing, or may be wrong for the class at hand, what the
function returns is followed through its names, its attributes and the methods of its class.
Nothing of it is run.
Limits: two returns of different classes say nothing, nor does what is made by ``getattr``, or kept
by an object whose class does not say so.
"""

from __future__ import annotations

import contextlib
import enum
import functools
import types
import typing
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..annotations import found_in, hint_of, worked_out
from ..own import ast, asyncio, inspect
from ..seams.doubles import is_mock
from . import generics
from .bodies import Body, body_of, is_plain
from .generics import AWAITABLES, EMPTY

FUNCTIONS = (
    types.FunctionType,
    types.MethodType,
    types.BuiltinFunctionType,
    types.MethodWrapperType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.ClassMethodDescriptorType,
)
_WAYS = ("__await__", "__aenter__", "__aiter__")
_FUTURES = (asyncio.Future, asyncio.Task)
_DEEPEST = 8  # functions that are followed from one to the next
_MOST = 64  # that are looked into for one that is asked for
# what these give is in no annotation: Python's own, and those of whatever is called a loop
_GIVE: tuple[tuple[Any, type], ...] = (
    (asyncio.create_task, asyncio.Task),
    (asyncio.ensure_future, asyncio.Future),
    (asyncio.gather, asyncio.Future),
    (asyncio.shield, asyncio.Future),
    (asyncio.wrap_future, asyncio.Future),
)
_LOOPS = {
    "create_future": asyncio.Future,
    "create_task": asyncio.Task,
    "run_in_executor": asyncio.Future,
}


class Called(enum.Enum):
    """What a call of a thing is."""

    NEVER = "not callable"
    SYNC = "sync"
    ASYNC = "async"
    ASYNC_GENERATOR = "async generator"
    AWAITED = "awaited"  # the `__await__` of a thing that is awaited itself


@dataclass(frozen=True, slots=True)
class Reading:
    """How a function is called; ``gives`` is the hint of what a call gives, or awaiting that.

    ``is_by_hand``: it is a sync function that gives something to await.
    """

    called: Called
    gives: Any = EMPTY
    is_by_hand: bool = False

    @property
    def hint(self) -> Any:
        """The hint of what a call gives."""
        if self.called is Called.ASYNC:
            made: Any = Coroutine
            return made[Any, Any, self.gives]
        return self.gives


@dataclass(frozen=True, slots=True, eq=False)
class Method:
    """A function, and the class that has it, if one has.

    ``owner`` is the hint of the class that it is asked of, ``definer`` the one it is written in;
    ``takes`` is what its first argument is.
    """

    function: Any
    owner: Any = None
    definer: type | None = None
    takes: Thing = None


@dataclass(frozen=True, slots=True)
class Of:
    """An object of what a hint says; ``is_self``: the very one whose function is read."""

    hint: Any
    is_self: bool = False


@dataclass(frozen=True, slots=True)
class Type:
    """A class itself."""

    hint: Any


@dataclass(frozen=True, slots=True)
class _Super:
    """The rest of a class behind the one that a function is written in."""


Thing: TypeAlias = "Of | Type | Method | types.ModuleType | _Super | None"


class Trail:
    """The functions that were looked into on the way to one answer, and how deep that has come."""

    def __init__(self, above: Trail | None = None) -> None:
        self._depth: int = 0 if above is None else above._depth + 1
        self._known: dict[tuple[Any, ...], Reading] = {} if above is None else above._known

    @property
    def is_over(self) -> bool:
        """Whether no more is looked into."""
        return self._depth > _DEEPEST or len(self._known) > _MOST

    def deeper(self) -> Trail:
        """For a function that this one calls."""
        return Trail(self)

    def read(self, method: Method) -> Reading:
        """What is known of a function; one that calls itself says nothing by that."""
        key = (method.function, method.owner, method.definer)
        try:
            if key in self._known:
                return self._known[key]
        except TypeError:  # a type argument without a hash
            return _read(method, self)
        self._known[key] = Reading(how_called(innermost(method.function)))
        self._known[key] = found = _read(method, self)
        return found


def read(method: Method, trail: Trail | None = None) -> Reading:
    """How a function is called, and what it gives."""
    return (trail or Trail()).read(method)


def _read(method: Method, trail: Trail) -> Reading:
    outer, inner = without_partials(method.function), innermost(method.function)
    hint = _annotated(method, inner)
    if generics.is_union(hint):
        hint = _overloaded(method, inner) or hint
    if outer is not inner and how_called(outer) is Called.SYNC:
        # what stands below a wrapper is not what the wrapper gives
        reader = _Reader(method, outer, trail)
        said = reader.returned()
        if _is_more_than_awaitable(said):
            return Reading(Called.SYNC, _with_result(said, hint))
        if reader.is_mixed():
            return Reading(how_called(inner))
    called = how_called(inner)
    if called is not Called.SYNC:
        said = EMPTY
        if called is Called.ASYNC and (hint is EMPTY or _is_own(hint, method.owner)):
            said = _Reader(method, inner, trail).returned()
        is_better = hint is EMPTY or said is typing.Self
        return Reading(called, said if is_better and said is not EMPTY else hint)
    if generics.class_of(hint) in AWAITABLES:
        return Reading(Called.ASYNC, _last(hint), is_by_hand=True)
    return _of_sync(method, inner, hint, trail)


def _of_sync(method: Method, inner: Any, hint: Any, trail: Trail) -> Reading:
    union = _Union(hint, method.owner) if generics.is_union(hint) else None
    if union is not None and union.is_itself is not None:
        is_own = _is_own(union.is_itself, method.owner)
        return Reading(Called.SYNC, typing.Self if is_own else union.is_itself)
    said = EMPTY
    if _is_to_be_read(method, hint):
        said = _Reader(method, inner, trail).returned()
    if generics.class_of(said) in AWAITABLES:
        given = _last(said)
        known = union.awaited if union is not None and union.awaited is not EMPTY else hint
        return Reading(Called.ASYNC, known if given in (EMPTY, Any) else given, is_by_hand=True)
    is_itself = said is typing.Self and _is_own(hint, method.owner)
    is_awaited_too = union is not None and union.awaited is not EMPTY
    if said is not EMPTY and (_says_nothing(hint) or is_itself or is_awaited_too):
        return Reading(Called.SYNC, said)
    is_itself = said is typing.Self and generics.has(method.owner, "__await__")
    is_awaited = is_itself or generics.has(said, "__await__")
    if is_awaited and not generics.may_be_awaitable(hint):
        return Reading(Called.SYNC, _with_result(said, hint))
    return Reading(Called.SYNC, hint) if union is None else union.reading


def _is_to_be_read(method: Method, hint: Any) -> bool:
    """Whether what is annotated is not all, for the class at hand."""
    if _says_nothing(hint) or generics.is_union(hint):
        return True
    cls = generics.class_of(method.owner)
    if method.owner is None or not isinstance(cls, type):
        return False
    is_inherited = method.definer is not None and method.definer is not cls
    return is_inherited or _is_own(hint, method.owner)


def _says_nothing(hint: Any) -> bool:
    return hint in (EMPTY, Any, object) or isinstance(hint, str | typing.TypeVar)


def _is_own(hint: Any, owner: Any) -> bool:
    """Whether a function is annotated with its own class: then it may give the very object."""
    return generics.class_of(hint) in getattr(generics.class_of(owner), "__mro__", ())[:-1]


def _overloaded(method: Method, inner: Any) -> Any:
    """What the first of its overloads gives, which is the plain call, where each gives a class."""
    overloads = typing.get_overloads(inner) if isinstance(inner, types.FunctionType) else []
    given = [_annotated(method, overload) for overload in overloads]
    is_certain = all(generics.is_double(one) for hint in given for one in _members(hint))
    return given[0] if given and is_certain and generics.is_double(given[0]) else None


def _members(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if generics.is_union(hint) else (hint,)


def _is_more_than_awaitable(said: Any) -> bool:
    if said is typing.Self or generics.class_of(said) in AWAITABLES:
        return False
    return any(generics.has(said, way) for way in _WAYS)


def _with_result(said: Any, hint: Any) -> Any:
    """A future of what is annotated, where a future is all that is known."""
    if any(said is future for future in _FUTURES) and hint is not EMPTY:
        return said[hint]
    return said


class _Union:
    """A function that is annotated to give one of several things."""

    def __init__(self, hint: Any, owner: Any) -> None:
        members = typing.get_args(hint)
        self._hint, self._owner = hint, owner
        self._others = [one for one in members if generics.class_of(one) not in AWAITABLES]
        awaitable = [one for one in members if generics.class_of(one) in AWAITABLES]
        self.awaited = _last(awaitable[0]) if awaitable else EMPTY  # what awaiting it gives

    @property
    def is_itself(self) -> Any:
        """What gives itself when it is awaited: a pipeline's command is the pipeline."""
        for other in self._others:
            if other == self.awaited and generics.has(other, "__await__"):
                return other
        return None

    @property
    def reading(self) -> Reading:
        """What is certain: as the class is, async or not; or of what all have the same ways."""
        if self.awaited is not EMPTY:
            if self._owner is not None and _is_async(generics.class_of(self._owner)):
                return Reading(Called.ASYNC, self.awaited, is_by_hand=True)
            return Reading(Called.SYNC, self._hint)
        ways = {tuple(generics.has(one, way) for way in _WAYS) for one in self._others}
        is_ours = all(generics.is_class(one) and one is not type(None) for one in self._others)
        if is_ours and len(ways) == 1 and any(*ways):
            return Reading(Called.SYNC, self._others[0])
        return Reading(Called.SYNC, self._hint)


def _is_async(cls: type) -> bool:
    """Whether a class has anything async."""
    if any(inspect.getattr_static(cls, way, None) is not None for way in _WAYS):
        return True
    members = (member for base in cls.__mro__[:-1] for member in vars(base).values())
    return any(isinstance(one, types.FunctionType) and is_colored(one) for one in members)


def annotated(method: Method) -> Any:
    """The hint that a function is annotated with, below its decorators."""
    return _annotated(method, innermost(method.function))


def _annotated(method: Method, inner: Any) -> Any:
    definer = method.definer
    hint = hint_of(inner, "return", definer)
    if hint is EMPTY and not isinstance(inner, FUNCTIONS):
        inner = inspect.getattr_static(type(inner), "__call__", None)
        hint = hint_of(inner, "return", type(method.function))
    if method.takes is not None and (isinstance(hint, typing.TypeVar) or _has_variables(hint)):
        code = getattr(inner, "__code__", None)
        first = hint_of(inner, code.co_varnames[0], definer) if code and code.co_argcount else EMPTY
        if generics.class_of(first) is type:  # of a class method
            first = _last(first)
        if isinstance(first, typing.TypeVar):
            hint = typing.Self if hint is first else generics.put_in(hint, {first: method.owner})
    return generics.in_class(hint, method.owner, definer)


def _has_variables(hint: Any) -> bool:
    return bool(typing.get_args(hint)) and bool(getattr(hint, "__parameters__", ()))


def member(cls: type, name: str, after: type | None = None) -> tuple[Any, type] | None:
    """What stands under a name in a class or its bases, and in which of them."""
    mro = cls.__mro__
    for base in mro[mro.index(after) + 1 :] if after in mro else mro:
        if name in vars(base):
            return vars(base)[name], base
    return None


def method_of(found: Any, owner: Any, definer: type | None) -> Method | None:
    """The function behind what stands in a class; None where it is none."""
    if isinstance(found, property):
        return Method(found.fget, owner, definer, Of(owner, is_self=True))
    if isinstance(found, functools.cached_property):
        return Method(found.func, owner, definer, Of(owner, is_self=True))
    if isinstance(found, staticmethod):
        return Method(found.__func__, owner, definer)
    if isinstance(found, classmethod):
        return Method(found.__func__, owner, definer, Type(owner))
    if isinstance(found, (*FUNCTIONS, functools.partial)):
        return Method(found, owner, definer, Of(owner, is_self=True))
    return None


class _Reader:
    """What the expressions in a function stand for."""

    def __init__(self, method: Method, function: Any, trail: Trail) -> None:
        self._method = method
        self._function = function
        self._trail = trail
        self._hints: list[Any] | None = None  # of what it returns
        self._things: dict[str, Thing] = {}  # by the local names that were looked up
        self._names: dict[str, Any] = getattr(function, "__globals__", {})

    def returned(self) -> Any:
        """The hint of what the function returns, where all that is known of it is one class."""
        known = [hint for hint in self._returned() if generics.is_double(hint)]
        if len({generics.class_of(hint) for hint in known}) != 1:
            return EMPTY
        if self.is_mixed() and not any(generics.has(known[0], way) for way in _WAYS):
            return EMPTY  # one of them may be anything
        return known[0]

    def is_mixed(self) -> bool:
        """Whether it returns what is known in one place, and in another what is not."""
        hints = self._returned()
        return EMPTY in hints and any(hint is not EMPTY for hint in hints)

    def is_plain(self) -> bool:
        """Whether its code shows that a call gives nothing to await or to enter."""
        body = self._body
        return body is not None and all(map(is_plain, body.returns))

    def _returned(self) -> list[Any]:
        if self._hints is None:
            body = self._body
            is_read = body is not None and not inspect.isgeneratorfunction(self._function)
            self._hints = list(map(self._hint, body.returns)) if body and is_read else []
        return self._hints

    def assigned(self, name: str) -> Thing:
        """What the function sets an attribute of its object to."""
        body = self._body
        if body is None or name not in body.attributes:
            return None
        value, annotation = body.attributes[name]
        if annotation is not None:
            text = ast.unparse(annotation)
            hint = worked_out(text, self._function, self._method.definer)
            return None if hint == text else Of(hint)
        return None if value is None else self._thing(value)

    @functools.cached_property  # a code object's hash takes long
    def _body(self) -> Body | None:
        if not isinstance(self._function, types.FunctionType) or self._trail.is_over:
            return None
        return body_of(self._function.__code__, str(self._names.get("__package__") or ""))

    def _hint(self, expression: ast.expr) -> Any:
        thing = self._thing(expression)
        if isinstance(thing, Of):
            return typing.Self if thing.is_self else thing.hint
        return EMPTY

    def _thing(self, expression: ast.expr) -> Thing:
        match expression:
            case ast.Name():
                return self._named(expression.id)
            case ast.Attribute():
                return self._attribute(self._thing(expression.value), expression.attr)
            case ast.Call():
                return self._called(expression)
            case ast.Await():
                return self._awaited(expression.value)
            case ast.IfExp():
                return self._one_of([expression.body, expression.orelse])
            case ast.BoolOp():
                return self._one_of(expression.values)
            case ast.NamedExpr():
                return self._thing(expression.value)
        return None

    def _one_of(self, expressions: list[ast.expr]) -> Thing:
        """What is known of either: `client or Client()` is a client."""
        known: list[Thing] = [thing for one in expressions if (thing := self._thing(one))]
        return known[0] if known and all(thing == known[0] for thing in known) else None

    def _awaited(self, expression: ast.expr) -> Of | None:
        hint = self._hint(expression)
        if hint is typing.Self:
            hint = self._method.owner
        given = awaited(hint, self._trail.deeper())
        if given is typing.Self:
            return Of(self._method.owner, is_self=True)
        return None if given is EMPTY else Of(given)

    def _named(self, name: str) -> Thing:
        body = self._body
        if body is None:
            return None
        if body.parameters and name == body.parameters[0] and self._method.takes is not None:
            return self._method.takes
        if name in body.names:
            if name not in self._things:
                self._things[name] = None  # where it is asked for while it is looked up
                things = [self._thing(value) for value in body.names[name]]
                self._things[name] = things[0] if things == things[:1] * len(things) else None
            return self._things[name]
        if name in body.imports:
            try:
                return thing_of(found_in(*body.imports[name]))
            except Exception:  # noqa: BLE001 - what is imported is code of the user's
                return None
        hint = hint_of(self._function, name, self._method.definer)
        if hint is not EMPTY:
            return Of(generics.without_none(hint))
        if name in body.parameters:
            return None
        if name == "super":
            return _Super()
        return self._global(name)

    def _global(self, name: str) -> Thing:
        free = self._function.__code__.co_freevars
        if name in free:
            with contextlib.suppress(ValueError):  # not set yet
                kept: Any = self._function.__closure__[free.index(name)].cell_contents
                return thing_of(kept)
            return None
        return thing_of(self._names.get(name))

    def _attribute(self, thing: Thing, name: str) -> Thing:
        if isinstance(thing, types.ModuleType):
            return thing_of(vars(thing).get(name))
        owner = thing.hint if isinstance(thing, Of | Type) else self._method.owner
        cls = generics.class_of(owner)
        if thing is None or isinstance(thing, Method) or not isinstance(cls, type):
            return None
        if name == "__class__":
            return Type(owner)
        definer = self._method.definer
        if name.startswith("__") and not name.endswith("__") and definer is not None:
            name = f"_{definer.__name__.lstrip('_')}{name}"
        return attribute(owner, name, self._trail, definer if isinstance(thing, _Super) else None)

    def _called(self, call: ast.Call) -> Thing:
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if isinstance(call.func, ast.Attribute) and name == "__await__":
            thing = self._awaited(call.func.value)
            made: Any = typing.Generator
            hint = typing.Self if thing and thing.is_self else thing and thing.hint
            return None if thing is None else Of(made[Any, Any, hint])
        function = self._thing(call.func)
        if isinstance(function, _Super):
            return function
        if isinstance(function, Type):
            return Of(self._made(function.hint, call))
        if isinstance(function, Of):
            function = self._attribute(function, "__call__")
        if isinstance(function, Method):
            given = next((cls for one, cls in _GIVE if one is function.function), None)
            hint = given or read(function, self._trail.deeper()).hint
            above = self._thing(call.func.value) if isinstance(call.func, ast.Attribute) else None
            is_self = isinstance(above, _Super) or (isinstance(above, Of) and above.is_self)
            if hint is typing.Self:
                return Of(function.owner, is_self)
            if hint is not EMPTY:
                return Of(hint if is_self else generics.put_in(hint, {typing.Self: function.owner}))
        return Of(_LOOPS[name]) if name in _LOOPS else None

    def _made(self, hint: Any, call: ast.Call) -> Any:
        """A class with the type arguments that follow from what it is called with."""
        cls = generics.class_of(hint)
        parameters = generics.parameters_of(cls)
        init = inspect.getattr_static(cls, "__init__", None)
        if hint is not cls or not parameters or not isinstance(init, types.FunctionType):
            return hint
        found: dict[Any, Any] = {}
        names = init.__code__.co_varnames[1 : init.__code__.co_argcount]
        given = [*zip(names, call.args, strict=False)]
        given += [(word.arg, word.value) for word in call.keywords if word.arg]
        for name, value in given:
            generics.unify(hint_of(init, name, cls), self._as_given(value), found)
        return cls[tuple(found.get(one, one) for one in parameters)] if found else hint

    def _as_given(self, value: ast.expr) -> Any:
        thing = self._thing(value)
        if isinstance(thing, Method):
            return Callable[..., read(thing, self._trail.deeper()).hint]
        return thing.hint if isinstance(thing, Of) else EMPTY


def attribute(
    owner: Any, name: str, trail: Trail | None = None, after: type | None = None
) -> Thing:
    """What an object of the class that a hint names has under a name."""
    trail = trail or Trail()
    cls = generics.class_of(owner)
    found = member(cls, name, after)
    if found is None:
        return _made_by_init(owner, name, trail)
    method = method_of(found[0], owner, found[1])
    if method is None:
        hint = EMPTY if isinstance(found[0], type) else hint_of(cls, name)
        return thing_of(found[0]) if hint is EMPTY else _kept(hint, owner, found[1])
    if isinstance(found[0], property | functools.cached_property):
        hint = read(method, trail.deeper()).hint
        return None if hint is EMPTY else Of(owner if hint is typing.Self else hint)
    return method


def _kept(hint: Any, owner: Any, definer: type | None) -> Thing:
    """What an attribute is by its annotation: an object, or a class of what `type[...]` says."""
    hint = generics.in_class(hint, owner, definer)
    return Type(_last(hint)) if typing.get_origin(hint) is type else Of(hint)


def _made_by_init(owner: Any, name: str, trail: Trail) -> Thing:
    cls = generics.class_of(owner)
    hint = hint_of(cls, name)
    if hint is not EMPTY:
        return _kept(hint, owner, None)
    for base in cls.__mro__[:-1]:
        init = vars(base).get("__init__")
        if isinstance(init, types.FunctionType):
            method = Method(init, owner, base, Of(owner, is_self=True))
            made = _Reader(method, init, trail.deeper()).assigned(name)
            if made is not None:
                return made
    return None


def thing_of(real: Any) -> Thing:
    """What a thing that is there stands for."""
    if real is None or is_mock(real):
        return None
    if isinstance(real, types.ModuleType):
        return real
    if isinstance(real, type) or generics.is_class(real):
        return Type(real)
    if isinstance(real, types.MethodType):
        owner = real.__self__
        takes: Thing = Type(owner) if isinstance(owner, type) else Of(type(owner))
        cls = owner if isinstance(owner, type) else type(owner)
        return Method(real.__func__, cls, None, takes)
    if isinstance(real, (*FUNCTIONS, functools.partial)):
        return Method(real)
    return Of(type(real))


def awaited(hint: Any, trail: Trail | None = None) -> Any:
    """The hint of what awaiting a thing gives."""
    trail = trail or Trail()
    if generics.class_of(hint) in AWAITABLES:
        return _last(hint)
    if not generics.is_class(hint) or trail.is_over:
        return EMPTY
    said = generics.said_by_base(hint, "__await__")
    found = member(generics.class_of(hint), "__await__")
    if found is not None:
        method = method_of(found[0], hint, found[1])
        gives = EMPTY if method is None else read(method, trail.deeper()).gives
        if len(typing.get_args(gives)) == 3:  # a generator, whose return value it is
            last = _last(gives)
            if not _says_nothing(last):
                return hint if last is typing.Self else last
    return said


def is_known_sync(function: Any) -> bool:
    """Whether a function without an annotation shows that what it gives is no awaitable."""
    inner = innermost(function)
    return _Reader(Method(inner), inner, Trail()).is_plain()


def how_called(function: Any) -> Called:
    """What a call of a function is, or of an object that is called as one."""
    if not isinstance(function, FUNCTIONS):
        call = inspect.getattr_static(type(function), "__call__", None)
        if call is not None and inspect.isroutine(call):
            call = innermost(call)
            if is_colored(call):
                function = call
    if inspect.iscoroutinefunction(function):
        return Called.ASYNC
    if inspect.isasyncgenfunction(function):
        return Called.ASYNC_GENERATOR
    return Called.SYNC


def is_colored(function: Any) -> bool:
    """Whether it is an async function, or an async generator function."""
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def innermost(function: Any) -> Any:
    """The function below partials and decorators; one that is marked async is not gone below."""
    function = without_partials(function)
    with contextlib.suppress(ValueError):  # decorators in a ring
        inner = inspect.unwrap(function, stop=inspect.iscoroutinefunction)
        function = inner if inner is function else without_partials(inner)
    return function


def without_partials(function: Any) -> Any:
    """The function below partials."""
    while isinstance(function, functools.partial):
        function = function.func
    return function


def _last(hint: Any) -> Any:
    return (typing.get_args(hint) or (EMPTY,))[-1]
