"""One event loop for each scope, and what crosses between its context and pytest's own."""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager, nullcontext, suppress
from contextvars import Context, ContextVar, Token
from typing import Any

from anyio.abc import TestRunner

from anyrig.own import asyncio, contextvars, inspect, sys, warnings

from .contexts import changed
from .names import LoopFactory
from .seams import anyio as anyio_seam

_ASKING_WARNS: bool = sys.version_info >= (3, 14)
_Changes = list[tuple[ContextVar[Any], Any]]


class ScopedLoop:
    """The event loop of one scope, with the runner that tests and async fixtures run in."""

    def __init__(self, runner: TestRunner) -> None:
        self.runner = runner
        self._loop: asyncio.AbstractEventLoop | None = None
        self._seen: Context | None = None  # pytest's context when a call last began
        self._ends: list[Callable[[], object]] = []

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop itself."""
        if self._loop is None:
            self._loop = self.runner.run_fixture(_running_loop, {})
        return self._loop

    def before_end(self, function: Callable[[], object]) -> None:
        """Have a function called before the loop closes; the last one first."""
        self._ends.append(function)

    def end(self) -> None:
        """Call those."""
        while self._ends:
            self._ends.pop()()

    def test(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A test's function that sees the context variables that pytest's side has now."""
        new = self._new()
        if new is None:
            return function

        @functools.wraps(function)
        async def test(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            _bring(new)
            return await function(*args, **kwargs)

        return test

    def fixture(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function of a fixture, async or not, as one that pytest can call by itself."""
        if inspect.isasyncgenfunction(function):
            return self._asyncgen_fixture(function)
        if inspect.iscoroutinefunction(function):
            return self._async_fixture(function)
        if inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def generator_fixture(**kwargs: Any) -> Iterator[Any]:
                with _set_as_current(self.loop):
                    yield from function(**kwargs)

            return generator_fixture

        @functools.wraps(function)
        def fixture(**kwargs: Any) -> Any:
            with _set_as_current(self.loop):
                return function(**kwargs)

        return fixture

    def _async_fixture(self, function: Callable[..., Any]) -> Callable[..., Any]:
        new = self._new() or Context()
        changes: _Changes = []

        async def within(**kwargs: Any) -> Any:
            __tracebackhide__ = True
            _bring(new)
            with _noting(changes):
                return await function(**kwargs)

        @functools.wraps(function)
        def fixture(**kwargs: Any) -> Iterator[Any]:
            __tracebackhide__ = True
            value = self.runner.run_fixture(within, kwargs)
            with _having(changes):
                yield value

        return fixture

    def _asyncgen_fixture(self, function: Callable[..., Any]) -> Callable[..., Any]:
        new = self._new() or Context()
        changes: _Changes = []

        async def within(**kwargs: Any) -> AsyncGenerator[Any, None]:
            __tracebackhide__ = True
            _bring(new)
            async with aclosing(function(**kwargs)) as generator:
                with _noting(changes):
                    value = await anext(generator)
                yield value
                async for value in generator:
                    yield value

        @functools.wraps(function)
        def fixture(**kwargs: Any) -> Iterator[Any]:
            __tracebackhide__ = True
            steps = iter(self.runner.run_asyncgen_fixture(within, kwargs))
            value = next(steps)
            with _having(changes):
                yield value
                yield from steps

        return fixture

    def _new(self) -> Context | None:
        """The context of pytest's side, where it is another than the loop has seen."""
        before, self._seen = self._seen, contextvars.copy_context()
        return None if before is None or before == self._seen else self._seen


@contextmanager
def opened(
    factory: LoopFactory | None, policy: Any, *, debug: bool, closes: bool = True
) -> Iterator[ScopedLoop]:
    """A loop for as long as it is entered; one that it must not close is the project's own."""
    with nullcontext() if policy is current_policy() else _following(policy):
        made = anyio_seam.new_runner({"debug": debug or None, "loop_factory": factory})
        with made as runner:
            scoped = ScopedLoop(runner)
            if factory is not None:
                set_current(scoped.loop)
            try:
                yield scoped
                scoped.end()
            finally:
                if factory is not None:
                    set_current(None)
                if not closes:
                    vars(scoped.loop)["close"] = _do_nothing
        if not closes:
            del vars(scoped.loop)["close"]
            set_current(scoped.loop)  # the project's own is it up to the end of its fixture


async def _running_loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


def _do_nothing() -> None:
    pass


# -- what crosses ----------------------------------------------------------------------------------


def _bring(context: Context) -> None:
    """Set the variables of a context in this one."""
    for variable, value in context.items():
        if variable.get(None) is not value:
            variable.set(value)


@contextmanager
def _noting(changes: _Changes) -> Iterator[None]:
    """Note the variables that are set while entered."""
    before = contextvars.copy_context()
    try:
        yield
    finally:
        changes += changed(contextvars.copy_context(), before)


@contextmanager
def _having(changes: _Changes) -> Iterator[None]:
    """Have the variables set in this context while entered."""
    tokens: list[tuple[ContextVar[Any], Token[Any]]] = [
        (variable, variable.set(value)) for variable, value in changes
    ]
    try:
        yield
    finally:
        for variable, token in reversed(tokens):
            variable.reset(token)


# -- asyncio's current loop and policy -------------------------------------------------------------


@contextmanager
def _set_as_current(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Have ``asyncio.get_event_loop()`` give a loop to code that runs in none."""
    before = _current()
    set_current(loop)
    try:
        yield
    finally:
        set_current(before)


@contextmanager
def _quietly() -> Iterator[None]:
    """Without asyncio's warnings that loops and policies are old names."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def _current() -> asyncio.AbstractEventLoop | None:
    with _quietly(), suppress(RuntimeError):
        return asyncio.get_event_loop()
    return None


def set_current(loop: asyncio.AbstractEventLoop | None) -> None:
    """Have ``asyncio.get_event_loop()`` give a loop to code that runs in none."""
    with _quietly():
        asyncio.set_event_loop(loop)


def current_policy() -> Any:
    """The policy that makes event loops."""
    if not _ASKING_WARNS:
        return asyncio.get_event_loop_policy()
    with _quietly():
        return asyncio.get_event_loop_policy()


@contextmanager
def _following(policy: Any) -> Iterator[None]:
    before = current_policy()
    with _quietly():
        asyncio.set_event_loop_policy(policy)
    try:
        yield
    finally:
        with _quietly():
            asyncio.set_event_loop_policy(before)
