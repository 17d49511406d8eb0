"""`background_tasks`: the list of tasks that many suites have, on anyrig's task group.

Each task that a test puts into the list is joined by a task of the group. So a task that crashes
cuts the test off with its error, and at the end what is left is cancelled, joined and, where it
does not end, named. What the test takes out of the list, cancels or awaits itself, is its own.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import AsyncGenerator, Iterable
from types import FrameType
from typing import TYPE_CHECKING, Any, Self, SupportsIndex

import pytest

import anyrig
from anyrig.own import asyncio, contextvars, sniffio

from .deprecations import note_use_by
from .following import follows_test
from .seams.asyncio_tasks import is_asked_for

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

NAME = "background_tasks"
INSTEAD = "the fixture task_group: task_group.start_soon(function, argument)"
# of the loop, until those that wait for a task have asked it for its exception
_TURNS = 3


class BackgroundTasks(list["Future[Any]"]):
    """A list of asyncio's tasks, each of which is joined from when it is put into it."""

    def __init__(self, group: TaskGroup, loop: asyncio.AbstractEventLoop | None) -> None:
        super().__init__()
        self._group = group
        self._loop = loop  # None on trio

    def append(self, task: Future[Any], /) -> None:
        __tracebackhide__ = True
        self._add([task])
        super().append(task)

    def extend(self, tasks: Iterable[Future[Any]], /) -> None:
        __tracebackhide__ = True
        new = [*tasks]
        self._add(new)
        super().extend(new)

    def insert(self, index: SupportsIndex, task: Future[Any], /) -> None:
        __tracebackhide__ = True
        self._add([task])
        super().insert(index, task)

    def __iadd__(self, tasks: Iterable[Future[Any]], /) -> Self:  # type: ignore[override, misc]
        __tracebackhide__ = True
        self.extend(tasks)
        return self

    def __setitem__(self, index: Any, value: Any, /) -> None:
        __tracebackhide__ = True
        new = [*value] if isinstance(index, slice) else [value]
        self._add(new)
        super().__setitem__(index, new if isinstance(index, slice) else value)

    def _add(self, tasks: Iterable[Future[Any]]) -> None:
        __tracebackhide__ = True
        for task in tasks:
            self._check(task)
        context = contextvars.copy_context()
        # what has a task may be sync, a fixture that knows the loop, or a callback of the loop's
        context.run(sniffio.current_async_library_cvar.set, "asyncio")
        for task in tasks:
            task.get_loop().call_soon(self._start, task, context=context)

    def _check(self, task: object) -> None:
        __tracebackhide__ = True
        if self._loop is None:
            raise TypeError(f"{NAME} is for asyncio, and this test runs on trio; write {INSTEAD}")
        if not asyncio.isfuture(task):
            raise TypeError(
                f"{NAME} takes asyncio's tasks, and this is {task!r}; "
                f"write {NAME}.append(asyncio.create_task(...))"
            )
        if task.get_loop() is not self._loop:
            raise TypeError(f"{task!r} belongs to another event loop than this test runs on")

    def _start(self, task: Future[Any]) -> None:
        if not task.done() or self._is_news(task):
            self._group.start_soon(self._join, task, name=_name(task))

    def _has(self, task: Future[Any]) -> bool:
        return any(one is task for one in self)

    async def _join(self, task: Future[Any]) -> None:
        __tracebackhide__ = True
        try:
            await asyncio.wait([task])
            for _ in range(_TURNS):
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            if self._has(task):
                await _end(task)
            if not self._is_news(task):
                raise
        if self._is_news(task):
            task.result()

    def _is_news(self, task: Future[Any]) -> bool:
        """Whether a task has raised what nobody else is told of."""
        if not task.done() or task.cancelled() or not self._has(task):
            return False
        return not is_asked_for(task)


async def _end(task: Future[Any]) -> None:
    """Cancel a task and wait for its end; the group takes the shield away where it has none."""
    from anyio import CancelScope  # most runs have no use for it

    task.cancel()
    with CancelScope(shield=True):
        await _Joined(task)


class _Joined:
    """The wait for a task's end; in a picture of the tasks it shows where that task waits itself.

    It looks like the task's coroutine for that, by the two names that a coroutine has for it.
    """

    def __init__(self, task: Future[Any]) -> None:
        self._coroutine: Any = task.get_coro() if isinstance(task, asyncio.Task) else None
        self._wait = asyncio.wait([task])

    @property
    def cr_frame(self) -> FrameType | None:
        return getattr(self._coroutine, "cr_frame", None)

    @property
    def cr_await(self) -> Any:
        return getattr(self._coroutine, "cr_await", None)

    def __await__(self) -> Self:
        return self

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        return self._wait.send(None)

    def send(self, value: Any) -> Any:
        """What a coroutine has under this name."""
        return self._wait.send(value)

    def throw(self, *error: Any) -> Any:
        """What a coroutine has under this name."""
        return self._wait.throw(*error)

    def close(self) -> None:
        """What a coroutine has under this name."""
        self._wait.close()


def _name(task: Future[Any]) -> str:
    coroutine = task.get_coro() if isinstance(task, asyncio.Task) else None
    return getattr(coroutine, "__qualname__", None) or repr(task)


@pytest.fixture
@follows_test
async def background_tasks(request: pytest.FixtureRequest) -> AsyncGenerator[BackgroundTasks]:
    """A list for the test's asyncio tasks: cancelled and joined at its end, their errors shown."""
    note_use_by(request.node, NAME, INSTEAD)
    is_asyncio = sniffio.current_async_library() == "asyncio"
    async with anyrig.open_group(request.config) as group:
        yield BackgroundTasks(group, asyncio.get_running_loop() if is_asyncio else None)
