"""The private names of anyio's plugin and of its cancel scopes on asyncio."""

from __future__ import annotations

import asyncio
import sys
from contextlib import nullcontext
from typing import Any

import anyio
import anyio.abc
import anyio.pytest_plugin
import pytest

from anyrig.seams import anyio as seam


@pytest.fixture
def anyio_backend() -> str:
    """asyncio alone: the seam is about anyio's code for it."""
    return "asyncio"


def _task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None
    return task


def test_plugin_asks_get_async_backend_for_its_runner() -> None:
    """``anyio.pytest_plugin.get_async_backend`` is the name that the plugin asks for a runner."""
    asked: list[tuple[str, dict[str, Any]]] = []

    def make(library: str, options: dict[str, Any]) -> nullcontext[str]:
        asked.append((library, options))
        return nullcontext("ours")

    get_runner: Any = anyio.pytest_plugin.get_runner
    with seam.provided(make), get_runner("trio", {"a": 1}) as runner:
        assert runner == "ours"
    assert asked == [("trio", {"a": 1})]
    with get_runner("asyncio", {}) as runner:
        assert isinstance(runner, anyio.abc.TestRunner)
    assert asked == [("trio", {"a": 1})]
    assert seam.NEEDS.gone() == []


async def test_task_states_and__parent_scope() -> None:
    """The scopes of a task are known by ``_task_states`` and ``_parent_scope``."""
    around = seam.open_scopes(_task())
    with anyio.CancelScope() as outer, anyio.CancelScope() as inner:
        assert seam.has_scopes(_task())
        assert seam.open_scopes(_task()) == [inner, outer, *around]
        assert list(seam.cancelled_scopes(_task())) == []
        outer.cancel()
        assert list(seam.cancelled_scopes(_task())) == [outer]
    assert seam.open_scopes(_task()) == around


async def test_group_has__exceptions() -> None:
    """What the tasks of an open group raised is in ``_exceptions``."""

    async def fail() -> None:
        raise KeyError("one")

    async def look() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(fail)
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0)
                await anyio.sleep(0)
            (error,) = seam.errors_of(group.cancel_scope)
            assert isinstance(error, KeyError)
            assert seam.errors_of(anyio.CancelScope()) == []

    with pytest.raises(ExceptionGroup):
        await look()


async def test_what_a_group_encloses() -> None:
    """Its tasks and theirs are told by their scopes, and shields in them can be taken away."""

    async def outer() -> None:
        async with anyio.create_task_group() as inner:
            inner.start_soon(shielded)

    async def shielded() -> None:
        with anyio.CancelScope(shield=True):
            await anyio.sleep_forever()

    async with anyio.create_task_group() as group:
        group.start_soon(outer)
        await anyio.wait_all_tasks_blocked()
        tasks = seam.tasks_within(group)
        names = sorted(task.get_name().rpartition(".")[2] for task in tasks)
        assert names == ["outer", "shielded"]
        infos = {info.id: info for info in anyio.get_running_tasks()}
        shields = {task.get_name()[-8:]: seam.is_shielded(infos[id(task)]) for task in tasks}
        assert shields["shielded"]
        group.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            await anyio.wait_all_tasks_blocked()
        seam.unshield(group)
    assert seam.tasks_within(group) == []


def test_get_runner_is_seen_on_the_stack() -> None:
    """``anyio.pytest_plugin.get_runner`` is a function whose code stands on the stack."""
    seen: list[bool] = []

    def make(library: str, options: object) -> Any:
        seen.append(seam.is_getting_runner(sys._getframe()))
        return nullcontext()

    get_runner: Any = anyio.pytest_plugin.get_runner
    with seam.provided(make), get_runner("trio", {}):
        seen.append(seam.is_getting_runner(sys._getframe()))
    assert seen == [True, False]


def test_what_is_told_of_a_task_of_asyncios() -> None:
    """A task is told of as ``anyio.get_running_tasks`` tells of it."""

    async def main() -> None:
        (told,) = anyio.get_running_tasks()
        task = asyncio.current_task()
        assert task is not None
        found = seam.info_of(task)
        assert (found.id, found.name, found.coro) == (told.id, told.name, told.coro)
        assert seam.task_of(found) is task

    asyncio.run(main())
