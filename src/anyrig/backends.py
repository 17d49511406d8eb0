"""The questions whose answer differs between the backends.

What each is called, what anyio has to be told to run it, what it needs to be installed, and
whether it is the one that is running.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, NamedTuple

from .frozen import call_after, who_froze
from .own import asyncio, inspect, sys


class Backend(NamedTuple):
    """One backend: its name in settings and test ids, and the async library that it runs on."""

    name: str
    library: str
    needs: str | None = None  # the module that must be installed
    needs_python: tuple[int, int] = (3, 11)

    def missing(self) -> str | None:
        """What has to be installed before this backend can run, in words; None where it can."""
        if sys.version_info < self.needs_python:
            return f"Python {'.'.join(map(str, self.needs_python))} or newer"
        if self.needs is not None and importlib.util.find_spec(self.needs) is None:
            extra = " (pip install 'anyrig[uvloop]')" if self.needs == "uvloop" else ""
            return f"the package {self.needs}{extra}"
        return None

    def anyio_value(self) -> str | tuple[str, dict[str, Any]]:
        """The value of the ``anyio_backend`` fixture that runs this backend."""
        options = _OPTIONS.get(self.name)
        return self.library if options is None else (self.library, dict(options))

    def is_running(self) -> bool:
        """Whether the code that asks is running on this backend."""
        if running_library() != self.library:
            return False
        looks_right = _LOOKS_RIGHT.get(self.name)
        return looks_right is None or looks_right(asyncio.get_running_loop())


def eager_event_loop() -> asyncio.AbstractEventLoop:
    """A new asyncio event loop whose tasks take their first step when they are made."""
    loop = asyncio.new_event_loop()
    loop.set_task_factory(getattr(asyncio, "eager_task_factory"))  # noqa: B009 - Python 3.12
    return loop


def is_uvloop(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether an event loop is one of uvloop's."""
    return type(loop).__module__.partition(".")[0] == "uvloop"


def _is_eager(loop: asyncio.AbstractEventLoop) -> bool:
    factory = loop.get_task_factory()
    return factory is not None and factory is getattr(asyncio, "eager_task_factory", None)


BACKENDS = {
    backend.name: backend
    for backend in (
        Backend("asyncio", "asyncio"),
        Backend("asyncio+uvloop", "asyncio", needs="uvloop"),
        Backend("asyncio+eager", "asyncio", needs_python=(3, 12)),
        Backend("trio", "trio", needs="trio"),
    )
}
DEFAULT = ("asyncio", "trio")

_OPTIONS: dict[str, dict[str, Any]] = {
    "asyncio+uvloop": {"use_uvloop": True},
    "asyncio+eager": {"loop_factory": eager_event_loop},
}
_LOOKS_RIGHT: dict[str, Callable[[asyncio.AbstractEventLoop], bool]] = {
    "asyncio+uvloop": is_uvloop,
    "asyncio+eager": _is_eager,
}


def backend_of(value: object) -> Backend | None:
    """The backend that a value of the ``anyio_backend`` fixture names; None where it names none."""
    if isinstance(value, str):
        return BACKENDS.get(value)
    if not (isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], dict)):
        return None
    library, options = value
    for name, known in _OPTIONS.items():
        if BACKENDS[name].library == library and known.items() <= options.items():
            return BACKENDS[name]
    return BACKENDS.get(library)


def running_library() -> str:
    """The async library that the calling code runs on; "none" outside of all of them."""
    # as sniffio does, which asks `asyncio.current_task` by a name that a test may have replaced
    thread, context = _said()
    name: str | None = thread.name
    if name is not None:
        return name
    name = context.get(None)
    if name is None:
        is_running = _is_asyncio_running() and asyncio.current_task() is not None
        return "asyncio" if is_running else "none"
    if name not in ("asyncio", "trio"):
        return name
    # anyio's plugin says so in a context that all code has while it keeps a runner: also sync code,
    # and what another plugin runs in a loop of its own. trio itself says so for the thread.
    return "asyncio" if _is_asyncio_running() else "none"


def _is_asyncio_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def say(library: str) -> None:
    """Say which library runs what is in this context: a loop's callbacks are in no task."""
    _, context = _said()
    context.set(library)


def unsay() -> Callable[[], None]:
    """Take back what anyio's plugin says of the runner that it keeps; returns what says it again.

    What runs says it for itself; anyio's functions believe the plugin, also in a loop of another's.
    """
    _, context = _said()
    return functools.partial(context.reset, context.set(None))


@functools.cache
def _said() -> tuple[Any, ContextVar[str | None]]:
    """Where a library says that it is running: for a thread, and for a context."""
    from .own import sniffio  # at its first use, and not again for each test

    return sniffio.thread_local, sniffio.current_async_library_cvar


def task_name() -> str | None:
    """The name of the task that the calling code runs in; None outside of any."""
    library = running_library()
    if library == "trio":
        from .own import trio

        return trio.lowlevel.current_task().name
    task = asyncio.current_task() if library == "asyncio" else None
    return task.get_name() if task is not None else None


def is_unbegun(coroutine: object) -> bool:
    """Whether it has yet to take its first step."""
    return (
        inspect.iscoroutine(coroutine)
        and inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED
    )


class Bound:
    """A call on an asyncio loop after so many of its seconds; what sleeps skip is not counted."""

    def __init__(self, seconds: float, function: Callable[[], object]) -> None:
        self._loop = asyncio.get_running_loop()
        self._function = function
        self._timer = self._loop.call_later(seconds, self._pass)

    @property
    def deadline(self) -> float:
        """When it is due, by the loop's clock."""
        return self._timer.when()

    @deadline.setter
    def deadline(self, when: float) -> None:
        self._timer.cancel()
        self._timer = self._loop.call_at(when, self._pass)

    def cancel(self) -> None:
        """Prevent it."""
        self._timer.cancel()

    def _pass(self) -> None:
        self._function()


def call_later(seconds: float, function: Callable[[], object]) -> Callable[[], object]:
    """Call a function on the running loop after so many of its seconds; returns what prevents it.

    Where a test has frozen the loop's clock, the seconds are real ones. What the function raises is
    lost on asyncio and ends the run on trio: it is not to raise.
    """
    library = running_library()
    if who_froze_it() is not None:
        return call_after(seconds, functools.partial(_calling(library), function))
    if library != "trio":
        return Bound(seconds, function).cancel
    from .own import trio

    scope = trio.CancelScope()

    async def wait() -> None:
        # no `trio.sleep`: those are what `fast_sleep` skips
        with scope, trio.move_on_after(seconds) as bound:
            await trio.sleep_forever()
        if bound.cancelled_caught:
            function()

    trio.lowlevel.spawn_system_task(wait, name="anyrig's bound")
    return scope.cancel


def who_froze_it() -> str | None:
    """Who stopped the running loop's clock: see `frozen`. None where it runs."""
    library = running_library()
    if library == "trio":
        from .own import trio

        return who_froze(library, trio.current_time)
    return who_froze(library, asyncio.get_running_loop().time)


def _calling(library: str) -> Callable[[Callable[[], object]], object]:
    """What calls a function on the running loop, from any thread, until it has ended."""
    call: Callable[..., object]
    if library == "trio":
        from .own import trio

        call = trio.lowlevel.current_trio_token().run_sync_soon
    else:
        call = asyncio.get_running_loop().call_soon_threadsafe

    def calling(function: Callable[[], object]) -> None:
        with suppress(RuntimeError):
            call(function)

    return calling


def running_name() -> str:
    """The most telling name of the backend that the calling code runs on."""
    for backend in BACKENDS.values():
        if backend.name in _LOOKS_RIGHT and backend.is_running():
            return backend.name
    return running_library()
