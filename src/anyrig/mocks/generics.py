"""What a hint says with its type arguments put in: of `CM[Response]`, what its methods give.

A hint is an annotation that is worked out: a class, one with arguments, a union, a type variable.
"""

from __future__ import annotations

import collections.abc as abc
import contextlib
import functools
import operator
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeGuard

from ..annotations import worked_out
from ..own import asyncio, inspect

EMPTY: Any = inspect.Signature.empty
AWAITABLES = (abc.Awaitable, abc.Coroutine)
_FUTURES = (asyncio.Future, asyncio.Task)
# what says with its first argument what these give, where nothing is annotated
_FIRST: dict[str, tuple[type, ...]] = {
    "__aenter__": (contextlib.AbstractAsyncContextManager,),
    "__enter__": (contextlib.AbstractContextManager,),
    "__anext__": (abc.AsyncIterator, abc.AsyncGenerator),
    "__await__": (*_FUTURES, abc.Awaitable),
}
_DEEPEST = 8


def class_of(hint: Any) -> Any:
    """The class that a hint names, without its arguments; else what stands for a kind of hint."""
    return typing.get_origin(hint) or hint


def is_class(hint: Any) -> TypeGuard[Any]:
    """Whether a hint names one class."""
    cls = class_of(hint)
    return isinstance(cls, type) and cls not in (Any, EMPTY, types.UnionType)


def is_double(hint: Any) -> bool:
    """Whether a double can stand for it: one of a str is no str to anything written in C."""
    is_ours = is_class(hint) and class_of(hint).__module__ != "builtins"
    return hint is typing.Self or is_ours


def is_union(hint: Any) -> bool:
    """Whether it names several."""
    return typing.get_origin(hint) in (typing.Union, types.UnionType)


def without_none(hint: Any) -> Any:
    """What an optional argument is where it is given; another union as it is."""
    members = [one for one in typing.get_args(hint) if one is not type(None)]
    return members[0] if is_union(hint) and len(members) == 1 else hint


def bases(hint: Any) -> dict[type, tuple[Any, ...]]:
    """The class of a hint and its bases, each with its arguments as the hint has them."""
    found: dict[type, tuple[Any, ...]] = {}
    todo = [hint]
    while todo:
        one = todo.pop(0)
        cls = class_of(one)
        if not isinstance(cls, type) or cls in found:
            continue
        parameters = parameters_of(cls)
        found[cls] = typing.get_args(one) or tuple(map(_default, parameters))
        given = dict(zip(parameters, found[cls], strict=False))
        written = cls.__dict__.get("__orig_bases__", cls.__bases__)
        known = (one if one in cls.__bases__ else worked_out(one, cls) for one in written)
        todo += [put_in(base, given) for base in known]
    return found


def parameters_of(cls: type) -> tuple[Any, ...]:
    """The type variables of a class; also where its bases are Python's own generic ones alone."""
    found = getattr(cls, "__parameters__", None)
    if isinstance(found, tuple):  # and no property of that name
        return found
    arguments = (one for base in cls.__dict__.get("__orig_bases__", ())
                 for one in getattr(base, "__parameters__", ()))  # fmt: skip
    return tuple(dict.fromkeys(arguments))


def _default(parameter: Any) -> Any:
    """What stands for a type variable to which nobody gives anything."""
    default = getattr(parameter, "__default__", None)
    if default is not None and type(default).__name__ != "NoDefaultType":
        return default
    return getattr(parameter, "__bound__", None) or parameter


def put_in(hint: Any, given: Mapping[Any, Any]) -> Any:
    """A hint with its type variables, and `Self`, replaced by what is given for them."""
    try:
        if hint in given:
            return given[hint]
        arguments = typing.get_args(hint)
        if not given or not arguments or typing.get_origin(hint) in (abc.Callable, typing.Literal):
            return hint
        new = tuple(put_in(argument, given) for argument in arguments)
        if new == arguments:
            return hint
        if is_union(hint):
            return functools.reduce(operator.or_, new)
        copy = getattr(hint, "copy_with", None)
        return copy(new) if copy is not None else class_of(hint)[new]
    except TypeError:  # no hash, or arguments that are none
        return hint


def in_class(hint: Any, owner: Any, definer: type | None) -> Any:
    """A hint of something that is defined in one class, and is of an object of another."""
    if owner is None or hint is typing.Self:
        return hint
    given: dict[Any, Any] = {typing.Self: owner}
    if definer is not None:
        parameters = parameters_of(definer)
        if parameters:
            given |= zip(parameters, bases(owner).get(definer, ()), strict=False)
    return put_in(hint, given)


def said_by_base(owner: Any, name: str) -> Any:
    """What a method gives by an argument of one of Python's own generic bases."""
    found = bases(owner)
    for base in _FIRST.get(name, ()):
        arguments = found.get(base, ())
        if arguments and not isinstance(arguments[0], typing.TypeVar):
            return arguments[0]
    for cls, arguments in found.items():
        is_future = name == "__await__" and issubclass(cls, _FUTURES)
        if is_future and len(arguments) == 1:
            return arguments[0]
    if name == "__await__":
        arguments = found.get(abc.Coroutine, ())
        return arguments[-1] if arguments else EMPTY
    return EMPTY


def has(hint: Any, name: str) -> bool:
    """Whether an object of the class that a hint names has a magic method."""
    if not is_class(hint):
        return False
    found = inspect.getattr_static(class_of(hint), name, None)
    return found is not None


def may_be_awaitable(hint: Any) -> bool:
    """Whether what is annotated so may be awaited."""
    if hint is EMPTY or hint is None or hint is type(None):
        return False
    if is_union(hint):
        return any(map(may_be_awaitable, typing.get_args(hint)))
    cls = class_of(hint)
    if isinstance(cls, type) and cls not in (Any, object):
        return issubclass(cls, abc.Awaitable)
    return cls is not typing.Self  # Any, a type variable, a name that is not there


def unify(pattern: Any, actual: Any, found: dict[Any, Any], depth: int = 0) -> None:
    """Note what the type variables of a parameter's hint are, by what it is given."""
    if actual is EMPTY or depth > _DEEPEST:
        return
    if isinstance(pattern, typing.TypeVar):
        found.setdefault(pattern, actual)
        return
    wanted, arguments = class_of(pattern), typing.get_args(pattern)
    if not arguments or not is_class(actual):
        return
    has_one = typing.get_args(actual)
    if any(wanted in kin and class_of(actual) in kin for kin in ((abc.Callable,), AWAITABLES)):
        unify(arguments[-1], has_one[-1], found, depth + 1)
    elif wanted in (abc.AsyncIterator, abc.AsyncIterable) and has_one:
        unify(arguments[0], has_one[0], found, depth + 1)
    else:
        for one, other in zip(arguments, bases(actual).get(wanted, ()), strict=False):
            unify(one, other, found, depth + 1)
