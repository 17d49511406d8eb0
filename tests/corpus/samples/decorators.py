"""Decorators for async tests: some run what they decorate, some forget to."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable
from contextlib import ContextDecorator
from typing import Any

import anyio
import trio

Function = Callable[..., Any]


def drops(function: Function) -> Function:
    """Call it, drop the coroutine."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> None:
        function(*args, **kwargs)

    return wrapper


def returns(function: Function) -> Function:
    """Call it, return the coroutine to somebody who knows nothing of coroutines."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


def never_calls(function: Function) -> Function:
    """Do something else."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> None: ...

    return wrapper


def sends_once(function: Function) -> Function:
    """Make one step and leave it there."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> None:
        function(*args, **kwargs).send(None)

    return wrapper


def closes(function: Function) -> Function:
    """Close the coroutine, as a fake runner does."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> None:
        function(*args, **kwargs).close()

    return wrapper


def awaits_not(function: Function) -> Function:
    """An async wrapper that forgets the await."""

    @functools.wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> None:
        function(*args, **kwargs)

    return wrapper


def async_never_calls(function: Function) -> Function:
    """An async wrapper that does something else."""

    @functools.wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> None: ...

    return wrapper


def gives_up(function: Function) -> Function:
    """An async wrapper that cancels it in the middle, and says nothing."""

    @functools.wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> None:
        with anyio.move_on_after(0):
            await function(*args, **kwargs)

    return wrapper


class Quiet(ContextDecorator):
    """A context manager as a decorator: it returns the coroutine when its block is over."""

    def __enter__(self) -> None: ...

    def __exit__(self, *exc_info: object) -> None: ...


def runs_on_asyncio(function: Function) -> Function:
    """Run it to its end with asyncio."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> None:
        asyncio.run(function(*args, **kwargs))

    return wrapper


def runs_on_trio(function: Function) -> Function:
    """Run it to its end with trio."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> None:
        trio.run(functools.partial(function, *args, **kwargs))

    return wrapper


def awaits(function: Function) -> Function:
    """An async wrapper that awaits it."""

    @functools.wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        return await function(*args, **kwargs)

    return wrapper


def runs_in_a_thread(function: Function) -> Function:
    """Run it to its end in a thread."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> None:
        thread = threading.Thread(target=lambda: asyncio.run(function(*args, **kwargs)))
        thread.start()
        thread.join()

    return wrapper


def runs_twice(function: Function) -> Function:
    """Run it again where it fails, as plugins for flaky tests do."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> None:
        try:
            asyncio.run(function(*args, **kwargs))
        except ValueError:
            asyncio.run(function(*args, **kwargs))

    return wrapper


def without_a_trace(function: Function) -> Function:
    """Drop the coroutine, and tell nobody what was decorated."""

    def wrapper() -> None:
        function()  # FOUND missed_await call of ./bad_never_ran.py::test_without_a_trace

    return wrapper
