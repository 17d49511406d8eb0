"""A task group that is cancelled and joined at its end, within a bound.

Problem: ``async with`` waits for what does not end, and the test waits with it.
Approach: the group is anyio's own. What has not ended some seconds after its cancellation is
named, with where it waits; then the shields around it are taken away, so that the cancellation
reaches it.
Limits: a task that goes on though it is cancelled again and again is given up with the runner.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

from anyio.abc import TaskGroup, TaskStatus

from ..backends import call_later
from ..findings import TaskDidNotEnd
from ..internal import Internal
from ..origins import Origins
from ..own import anyio
from ..seams import anyio as anyio_seam
from ..seams.anyio import tasks_within, unshield
from .tree import Node, did_not_end, nodes

GiveUp = Callable[[BaseException], None]


@asynccontextmanager
async def open_group(
    seconds: float, origins: Origins, give_up: GiveUp, internal: Internal
) -> AsyncGenerator[TaskGroup]:
    """A group whose tasks are cancelled at its end and get so many seconds to follow.

    ``give_up`` ends the runner where one does not follow at all; ``internal`` hears of what fails
    in the picture of them. Raises what its tasks raised, as
    a group where it is more than one error, and `TaskDidNotEnd` beside it.
    """
    bound = Bound(seconds, origins, give_up, internal)
    try:
        async with anyio.create_task_group() as group:
            try:
                yield group
            finally:
                group.cancel_scope.cancel()
                bound.begin(group)
    except BaseExceptionGroup as errors:
        if bound.passed is not None:
            raise BaseExceptionGroup(errors.message, [*errors.exceptions, bound.passed]) from None
        error, *more = errors.exceptions
        if more:
            raise
        # one error is told as it is: what surrounds it is ours
        raise error from None
    finally:
        bound.end()
    if bound.passed is not None:
        raise bound.passed


class Status(TaskStatus[Any]):
    """A task's status that knows whether the task called it."""

    def __init__(self, status: TaskStatus[Any]) -> None:
        self._status = status
        self.is_started = False

    def started(self, value: Any = None) -> None:
        """Tell who started the task that it is ready."""
        self.is_started = True
        self._status.started(value)


class Bound:
    """How long the tasks of a cancelled group may take to end, and what is done about it."""

    def __init__(
        self, seconds: float, origins: Origins, give_up: GiveUp, internal: Internal
    ) -> None:
        self._seconds = seconds
        self._internal = internal
        self._origins = origins
        self._give_up = give_up
        self._cancel: Callable[[], object] = lambda: None
        self.passed: TaskDidNotEnd | None = None

    def begin(self, group: TaskGroup) -> None:
        """The group was cancelled."""
        if tasks_within(group):
            self._cancel = call_later(self._seconds, lambda: self._pass(group))

    def end(self) -> None:
        """Its tasks have ended."""
        self._cancel()

    def _pass(self, group: TaskGroup) -> None:
        tree: list[Node] = []
        with self._internal.guard("drawing the tasks of a group that do not end"):
            tasks = set(map(id, tasks_within(group)))
            infos = [info for info in anyio_seam.running().get_running_tasks() if info.id in tasks]
            tree = nodes(self._origins, infos)
        self.passed = passed = did_not_end(tree, self._seconds)
        with self._internal.guard("taking away the shields in a group"):
            unshield(group)
        self._cancel = call_later(self._seconds, lambda: self._give_up(passed))
