"""Whether a value holds a thing that a test left: a client its reader, a pool its threads.

Problem: a client that a module's fixture gives connects when it is first used, in some test, and
what it begins there goes on for the next, on purpose. Approach: from the value along what the
collector knows of each object, nearest first. Of what belongs to everybody it is asked no more: a
module, a class, a function's globals, an event loop, pytest's own objects; and not of what refers
to who waits for it: a future, a lock or a channel of anyio's or trio's. Their task groups are
asked, but for one that is the value itself: what is in that, or in a list or a set that is the
value, a test has put there. Limits: up to so many objects; what is farther is not found.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, Future
from collections import deque
from collections.abc import Iterable, Iterator
from types import FunctionType, ModuleType
from typing import Any, cast

from .own import gc, threading

MOST = 20_000  # objects that are looked at, some 10 ms
_SHOWN = 1_000  # objects of the value itself
_GROUPS = _GROUP, _NURSERY = "TaskGroup", "Nursery"
_EVERYBODYS = (ModuleType, type, AbstractEventLoop, Future, threading.Thread)
_PLAIN = (str, bytes, bytearray, int, float, complex, bool, type(None))
_FRAMEWORKS = ("_pytest", "pluggy", "pytest_asyncio", "anyio", "trio")


def reaches(value: object, thing: object, most: int = MOST) -> bool:
    """Whether an object that is the value, or is in it, holds the thing, a task or a thread."""
    left: deque[Any] = deque(_open(value, thing))
    seen = {id(one) for one in left}
    while left and len(seen) < most:
        one = left.popleft()
        if one is thing:
            return True
        for other in _within(one):
            if id(other) not in seen and not isinstance(other, _PLAIN):
                seen.add(id(other))
                left.append(other)
    return any(one is thing for one in left)


def _open(value: Any, thing: object) -> Iterator[Any]:
    """The objects of a value that may keep something: those in a list, a dict and their like."""
    left, seen = [value], 0
    while left and seen < _SHOWN:
        one, seen = left.pop(), seen + 1
        if isinstance(one, dict):
            left += one.values()
        elif isinstance(one, (list, tuple, set, frozenset)):
            left += one
        elif one is not thing and type(one).__name__ not in _GROUPS:
            yield one


def _within(one: Any) -> Iterable[Any]:
    """What an object holds, where that is its own."""
    kind = type(one)
    if issubclass(kind, _EVERYBODYS):
        return ()
    if str(kind.__module__).partition(".")[0] in _FRAMEWORKS:
        return _tasks_of(one, kind.__name__)
    if kind is FunctionType:
        return (*(one.__closure__ or ()), one.__defaults__, one.__kwdefaults__)
    return gc.get_referents(one)


def _tasks_of(one: Any, name: str) -> Iterable[Any]:
    """The tasks of a task group of anyio's or trio's."""
    if name == _NURSERY:
        return cast("Iterable[Any]", one.child_tasks)
    return gc.get_referents(one) if name == _GROUP else ()
