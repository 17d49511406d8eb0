"""The end of a guest: what is left in its loop is cancelled, joined, and its errors heard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import anyrig
from anyrig.own import asyncio, trio

if TYPE_CHECKING:
    from .guest import Guest

_ROUNDS = 10  # of tasks that begin others as they end
_SECONDS = 5.0  # that they, or the generators, may take


async def end_tasks(guest: Guest, errors: list[BaseException]) -> None:
    """Cancel and join what is left, and what that begins; add what they raise to ``errors``."""
    ending: set[asyncio.Task[Any]] = set()
    with trio.move_on_after(_SECONDS):
        for _ in range(_ROUNDS):
            tasks = asyncio.all_tasks(guest.loop)
            ending |= tasks
            for task in tasks:
                task.cancel()
            for task in tasks:
                await _until_done(task)
    ended = (task for task in ending if task.done() and not task.cancelled())
    errors += (error for error in map(asyncio.Task.exception, ended) if error is not None)
    left = asyncio.all_tasks(guest.loop)
    if left:
        errors.append(_did_not_end("tasks", ", ".join(map(_where, left))))


async def end_generators(guest: Guest, errors: list[BaseException]) -> None:
    """Close the async generators that are suspended; add what that raises to ``errors``."""
    loop = guest.loop
    if loop.get_exception_handler() is None:
        loop.set_exception_handler(_Collecting(errors))
    ends = loop.create_task(loop.shutdown_asyncgens())
    with trio.move_on_after(_SECONDS) as scope:
        await _until_done(ends)
    if scope.cancelled_caught:
        errors.append(_did_not_end("async generators", "what they clean up with goes on"))


async def _until_done(task: asyncio.Task[Any]) -> None:
    """Wait for a task's end, without cancelling it where the wait is cancelled."""
    done = trio.Event()
    task.add_done_callback(lambda _: done.set())
    await done.wait()


def as_one(errors: Sequence[BaseException]) -> BaseException:
    """One error, or a group of several."""
    if len(errors) == 1:
        return errors[0]
    return BaseExceptionGroup("left in the asyncio guest of a trio run", errors)


class _Collecting:
    """A loop's exception handler that keeps the exceptions."""

    def __init__(self, errors: list[BaseException]) -> None:
        self._errors = errors

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if error is None:
            loop.default_exception_handler(context)
        else:
            self._errors.append(error)


def _did_not_end(kind: str, which: str) -> anyrig.TaskDidNotEnd:
    return anyrig.TaskDidNotEnd(
        f"{kind} of the asyncio guest did not end within {_SECONDS:g} seconds of being "
        f"cancelled: {which}"
    )


def _where(task: asyncio.Task[Any]) -> str:
    """A task by its name and the line that it waits at."""
    stack = task.get_stack()
    if not stack:
        return task.get_name()
    return f"{task.get_name()} ({stack[-1].f_code.co_filename}:{stack[-1].f_lineno})"
