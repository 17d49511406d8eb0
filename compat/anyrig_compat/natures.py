"""What of a value has to cross between trio and asyncio, decided by its class.

A class is bridged where it has something that must be awaited, entered or iterated on asyncio's
side, or is asyncio's own. All else is given as it is: numbers, texts, paths, plain records.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import types
from collections.abc import Iterable
from typing import Any

from anyrig.own import inspect, weakref

_ASYNC = ("__await__", "__aenter__", "__aexit__", "__aiter__", "__anext__")
_ASYNCIO = frozenset({"asyncio", "_asyncio", "uvloop"})
_FUNCTIONS = (types.FunctionType, types.MethodType, functools.partial)
_PLAIN = (BaseException, enum.Enum, types.ModuleType, str, bytes, int, float, complex)
_CONTAINERS = (list, tuple, set, frozenset, dict)
# class -> whether it is bridged, as long as the class lives
_known: weakref.WeakKeyDictionary[type, bool] = weakref.WeakKeyDictionary()


def is_bridged(value: object) -> bool:
    """Whether a value needs a proxy: by its class, by what it holds, or because it is called."""
    if isinstance(value, type):
        return is_bridged_class(value)
    cls = type(value)
    if is_bridged_class(cls) or isinstance(value, _FUNCTIONS):
        return True
    if isinstance(value, types.BuiltinMethodType):
        owner = value.__self__
        return owner is not None and is_bridged_class(type(owner))
    if isinstance(value, _PLAIN) or is_mock(cls):
        return False
    return _holds_bridged(value, set())


def is_bridged_class(cls: type) -> bool:
    """Whether objects of a class need a proxy, whatever they hold."""
    answer = _known.get(cls)
    if answer is None:
        answer = _known[cls] = _ask(cls)
    return answer


def is_mock(cls: type) -> bool:
    """Whether it is a class of unittest.mock's: what it gives can be awaited on either side."""
    return any(base.__module__ == "unittest.mock" for base in cls.__mro__)


def _ask(cls: type) -> bool:
    if issubclass(cls, _PLAIN) or is_mock(cls):
        return False
    if cls is types.GeneratorType or any(_is_asyncios(base) for base in cls.__mro__):
        return True
    if any(getattr(cls, name, None) is not None for name in _ASYNC):
        return True
    members = (member for base in cls.__mro__ for member in vars(base).values())
    return any(map(_is_async_member, members))


def _is_asyncios(cls: type) -> bool:
    return str(cls.__module__).partition(".")[0] in _ASYNCIO


def _is_async_member(member: Any) -> bool:
    member = getattr(member, "__func__", member)  # of a staticmethod or classmethod
    if isinstance(member, functools.partialmethod):
        member = member.func
    if not isinstance(member, types.FunctionType):
        return inspect.iscoroutinefunction(member)
    function = inspect.unwrap(member)
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def _holds_bridged(value: Any, seen: set[int]) -> bool:
    """Whether a container has something bridged in it, or a record in one of its attributes."""
    if isinstance(value, _CONTAINERS):
        return _any_bridged(value.values() if isinstance(value, dict) else value, seen, value)
    if dataclasses.is_dataclass(value):
        names = (field.name for field in dataclasses.fields(value))
        return _any_bridged([getattr(value, name, None) for name in names], seen, value)
    attributes = getattr(value, "__dict__", None)
    if type(attributes) is not dict:
        return False
    return any(map(is_bridged_class, set(map(type, attributes.values()))))


def _any_bridged(values: Iterable[Any], seen: set[int], owner: object) -> bool:
    if id(owner) in seen:
        return False
    seen.add(id(owner))
    if any(map(is_bridged_class, set(map(type, values)))):
        return True
    parts = (one for one in values if isinstance(one, (type, *_CONTAINERS)))
    return any(
        is_bridged_class(one) if isinstance(one, type) else _holds_bridged(one, seen)
        for one in parts
    )
