"""The transparent proxies: one class for each set of special methods that a real class has.

Special methods are looked up on the class: a proxy has ``__await__`` where the real thing has it
and nowhere else, so that what asks (``inspect.isawaitable``) is told what is so.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator, Mapping
from types import BuiltinMethodType, CoroutineType, GeneratorType, TracebackType
from typing import Any

import wrapt  # type: ignore[import-not-found, unused-ignore]

from anyrig.own import inspect, weakref

from .crossing import (
    call,
    call_sync,
    is_async_function,
    is_on_asyncio,
    named,
    wait,
    wait_for_coroutine,
)
from .keeper import Keeper
from .natures import is_bridged

# wrapt 1 has one class, whose every proxy looks iterable
_Base: Any = getattr(wrapt, "BaseObjectProxy", wrapt.ObjectProxy)
# what most calls give: known without asking
_PLAIN = frozenset({type(None), bool, int, float, str, bytes, bytearray})


def to_trio(value: Any, origin: str | None = None) -> Any:
    """The value as trio's side can use it, and the fixture that gave it (see `bridge`)."""
    cls = type(value)
    if cls in _PLAIN or issubclass(cls, Proxy):
        return value
    if cls is CoroutineType:
        return wait_for_coroutine(value, to_trio)
    if not is_bridged(value):
        return value
    if isinstance(value, tuple):
        return _tuple(cls, map(to_trio, value))
    if cls is GeneratorType and inspect.isawaitable(value):
        return wait(value, to_trio)
    proxy = _proxy(value)
    if origin is not None:
        proxy._self_origin = origin
    return proxy


def origin_of(value: object) -> str | None:
    """The fixture that gave a proxy, where that is known."""
    return value._self_origin if isinstance(value, Proxy) else None


def to_asyncio(value: Any) -> Any:
    """The value as asyncio's side has it (see `unbridge`)."""
    cls: Any = type(value)
    if cls in _PLAIN:
        return value
    if isinstance(value, Proxy):
        return value.__wrapped__
    if cls in (list, set, frozenset) or issubclass(cls, tuple):
        parts = [to_asyncio(one) for one in value]
        if all(map(_is_same, parts, value)):
            return value
        return _tuple(cls, parts) if issubclass(cls, tuple) else cls(parts)
    if cls is dict:
        items = {key: to_asyncio(one) for key, one in value.items()}
        return value if all(map(_is_same, items.values(), value.values())) else items
    return value


def _is_same(one: object, other: object) -> bool:
    return one is other


def _tuple(cls: type, parts: Any) -> Any:
    make = getattr(cls, "_make", cls)  # a namedtuple's public way to be made of parts
    return make(parts)


class Proxy(_Base):  # type: ignore[misc]
    """A thing of asyncio's side on trio's. On asyncio's side it behaves as the thing itself.

    ``copy`` and ``pickle`` take the thing, and give a proxy of what they made of it.
    """

    # of the blocks that it is open in, the inmost last; wrapt keeps such names on the proxy
    _self_keepers: tuple[Keeper, ...] = ()
    _self_origin: str | None = None

    def __getattr__(self, name: str) -> Any:
        __tracebackhide__ = True
        if is_on_asyncio():
            return getattr(self.__wrapped__, name)
        real = self.__wrapped__
        value = call_sync(getattr, real, name)
        if type(value) is BuiltinMethodType and value.__self__ is real:
            return _proxy(value)  # of a list, say, whose arguments have to be unwrapped
        return to_trio(value)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value if name.startswith("_self_") else to_asyncio(value))

    def __repr__(self) -> str:
        return repr(self.__wrapped__)

    def __copy__(self) -> Any:
        return to_trio(copy.copy(self.__wrapped__))

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return to_trio(copy.deepcopy(self.__wrapped__, memo))

    def __reduce__(self) -> Any:
        return to_trio, (self.__wrapped__,)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.__reduce__()


def _calls(self: Any, /, *args: Any, **kwargs: Any) -> Any:
    __tracebackhide__ = True
    func = self.__wrapped__
    if is_on_asyncio():
        return func(*args, **kwargs)
    args = tuple(map(to_asyncio, args))
    kwargs = {name: to_asyncio(value) for name, value in kwargs.items()}
    if is_async_function(func):
        return call(func, args, kwargs, to_trio)
    return to_trio(call_sync(func, *args, **kwargs))


def _awaits(self: Any) -> Any:
    if is_on_asyncio():
        return self.__wrapped__.__await__()
    return wait(self.__wrapped__, to_trio).__await__()


def _awaits_next(self: Any) -> Any:
    real = self.__wrapped__
    if is_on_asyncio():
        return real.__anext__()
    return named(call(_next, (real,), {}, to_trio), real.__anext__)


async def _next(iterator: Any) -> Any:
    return await iterator.__anext__()


def _enters_async(self: Any) -> Any:
    real = self.__wrapped__
    return real.__aenter__() if is_on_asyncio() else named(_enter(self), real.__aenter__)


async def _enter(self: Any) -> Any:
    __tracebackhide__ = True
    keeper = Keeper(self.__wrapped__)
    value = await keeper.enter()
    self._self_keepers += (keeper,)
    return _same(self, value)


async def _leaves_async(
    self: Any,
    kind: type[BaseException] | None,
    error: BaseException | None,
    traceback: TracebackType | None,
) -> Any:
    __tracebackhide__ = True
    real = self.__wrapped__
    if is_on_asyncio():
        return await real.__aexit__(kind, error, traceback)
    keepers = self._self_keepers
    if not keepers:  # entered on asyncio's side, or by another proxy
        return await call(real.__aexit__, (kind, error, traceback), {}, to_trio)
    mine = next((one for one in reversed(keepers) if one.is_of_this_task()), keepers[-1])
    self._self_keepers = tuple(one for one in keepers if one is not mine)
    return await mine.leave(error)


def _enters(self: Any) -> Any:
    __tracebackhide__ = True
    return _same(self, call_sync(self.__wrapped__.__enter__))


def _leaves(self: Any, *error: Any) -> Any:
    __tracebackhide__ = True
    return call_sync(self.__wrapped__.__exit__, *error)


def _iterates_async(self: Any) -> Any:
    return _same(self, call_sync(self.__wrapped__.__aiter__))


def _iterates(self: Any) -> Iterator[Any]:
    iterator = call_sync(iter, self.__wrapped__)
    if iterator is self.__wrapped__:
        return self  # type: ignore[no-any-return]
    return _parts(iterator)


def _parts(iterator: Iterator[Any]) -> Iterator[Any]:
    end = object()
    while (part := call_sync(next, iterator, end)) is not end:
        yield part if is_on_asyncio() else to_trio(part)


def _gives_next(self: Any) -> Any:
    __tracebackhide__ = True
    return _same(self, call_sync(next, self.__wrapped__))


def _gives_item(self: Any, key: Any) -> Any:
    __tracebackhide__ = True
    return _same(self, call_sync(self.__wrapped__.__getitem__, to_asyncio(key)))


def _sets_item(self: Any, key: Any, value: Any) -> None:
    __tracebackhide__ = True
    call_sync(self.__wrapped__.__setitem__, to_asyncio(key), to_asyncio(value))


def _same(proxy: Any, value: Any) -> Any:
    """The proxy for its own real thing, and all else bridged; on asyncio's side, the value."""
    if is_on_asyncio():
        return value
    return proxy if value is proxy.__wrapped__ else to_trio(value)


# what a proxy has of its own where the real class has it; the rest is wrapt's
_SPECIAL: Mapping[str, Callable[..., Any]] = {
    "__call__": _calls,
    "__await__": _awaits,
    "__aenter__": _enters_async,
    "__aexit__": _leaves_async,
    "__aiter__": _iterates_async,
    "__anext__": _awaits_next,
    "__enter__": _enters,
    "__exit__": _leaves,
    "__iter__": _iterates,
    "__next__": _gives_next,
    "__getitem__": _gives_item,
    "__setitem__": _sets_item,
}


# class -> the class of its proxies, as long as it lives
_classes: weakref.WeakKeyDictionary[type, type[Proxy]] = weakref.WeakKeyDictionary()


def _proxy(value: Any) -> Proxy:
    real = type(value)
    cls = _classes.get(real)
    if cls is None:
        # one of those that a proxy has its own way for, where the real class has it
        names = tuple(name for name in _SPECIAL if getattr(real, name, None) is not None)
        cls = _classes[real] = _class_for(names)
    return cls(value)


@functools.cache
def _class_for(names: tuple[str, ...]) -> type[Proxy]:
    return type("Proxy", (Proxy,), {name: _SPECIAL[name] for name in names})
