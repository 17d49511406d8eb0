"""Calls and waits that cross from trio's side to the guest's asyncio loop, and back.

What is made here may be awaited on either side: on asyncio's it crosses nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from types import CoroutineType
from typing import Any, TypeAlias, TypeVar

from anyrig.own import inspect, sniffio

from .guest import Guest, current_guest
from .seams.asyncio_running import running_loop, set_running_loop

T = TypeVar("T")
Convert: TypeAlias = "Callable[[Any], Any]"
Crossing: TypeAlias = "Coroutine[Any, Any, Any]"


def is_on_asyncio() -> bool:
    """Whether a loop of asyncio runs the caller."""
    return running_loop() is not None


def the_guest() -> Guest:
    """The guest of this trio run; raises RuntimeError with what to write where there is none."""
    guest = current_guest()
    if guest is None:
        raise RuntimeError(
            "no asyncio loop is open in this trio run, and what is bridged needs one:\n"
            "    async with anyrig_compat.open_asyncio():"
        )
    return guest


def call_sync(func: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """What a sync function gives on asyncio's side: the guest's loop is the running one for it.

    It runs at once, between two turns of the loop, in the caller's context. Where there is no
    guest (a sync test, a report) it is simply called.
    """
    __tracebackhide__ = True
    guest = None if running_loop() is not None else current_guest()
    if guest is None:
        return func(*args, **kwargs)
    library = sniffio.thread_local.name
    set_running_loop(guest.loop)
    sniffio.thread_local.name = "asyncio"
    try:
        return func(*args, **kwargs)
    finally:
        sniffio.thread_local.name = library
        set_running_loop(None)


def call(
    func: Callable[..., Awaitable[Any]],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    convert: Convert,
) -> Crossing:
    """A coroutine, by the function's name, that runs an async function on the guest's loop.

    ``convert`` makes of its result what trio's side gets.
    """
    return named(_call(func, args, kwargs, convert), func)


def wait(awaitable: Awaitable[Any], convert: Convert) -> Crossing:
    """A coroutine that waits for an awaitable of asyncio."""
    return named(_wait(awaitable, convert), awaitable)


def wait_for_coroutine(coroutine: Crossing, convert: Convert) -> Crossing:
    """A coroutine, by the same name, that runs one of asyncio's which nobody has begun to await.

    Where it never is awaited, it alone is: the other one is closed, and not told of as well.
    """
    return named(_wait_for(_Kept(coroutine), convert), coroutine)


def is_async_function(func: Any) -> bool:
    """Whether a call of it gives a coroutine, and runs nothing of it yet."""
    code = getattr(func, "__code__", None)
    if code is not None and code.co_flags & inspect.CO_COROUTINE:
        return True
    if inspect.iscoroutinefunction(func):
        return True
    if inspect.isroutine(func) or isinstance(func, type):
        return False
    return inspect.iscoroutinefunction(inspect.getattr_static(func, "__call__", None))


async def _call(
    func: Callable[..., Awaitable[Any]],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    convert: Convert,
) -> Any:
    __tracebackhide__ = True
    if is_on_asyncio():
        return await func(*args, **kwargs)
    return convert(await the_guest().call(func, *args, **kwargs))


async def _wait(awaitable: Awaitable[Any], convert: Convert) -> Any:
    __tracebackhide__ = True
    if is_on_asyncio():
        return await awaitable
    return convert(await the_guest().wait(awaitable))


async def _wait_for(kept: _Kept, convert: Convert) -> Any:
    __tracebackhide__ = True
    return await _wait(kept.take(), convert)


class _Kept:
    """A coroutine of asyncio until it is taken; one that never is is closed, and does not warn."""

    __slots__ = ("_coroutine",)

    def __init__(self, coroutine: Crossing) -> None:
        self._coroutine: Crossing | None = coroutine

    def take(self) -> Crossing:
        coroutine, self._coroutine = self._coroutine, None
        assert coroutine is not None  # it is taken by one coroutine, which runs once
        return coroutine

    def __del__(self) -> None:
        if self._coroutine is not None:
            self._coroutine.close()


def named(coroutine: Crossing, real: Any) -> Crossing:
    """The coroutine under the name of what it stands for: a report shows that one."""
    assert isinstance(coroutine, CoroutineType)
    name = getattr(real, "__name__", None)
    coroutine.__name__ = name if isinstance(name, str) else type(real).__name__
    qualname = getattr(real, "__qualname__", None)
    coroutine.__qualname__ = qualname if isinstance(qualname, str) else coroutine.__name__
    return coroutine
