"""anyio's pytest plugin, and what is open on an asyncio task that anyio's scopes enclose.

Problem: the plugin makes its runner itself; and a fixture's cancel scope that cancels the test is
told by nobody, on asyncio as on trio (see `seams.trio`).
Approach: the plugin asks the name ``get_async_backend`` of its module for what makes the runner
(``create_test_runner``, which `anyio.abc.AsyncBackend` promises), so we answer. A task's scopes
are ``_task_states[task].cancel_scope`` and each one's ``_parent_scope``; the task group of a scope
is found among what refers to it, its errors are ``_exceptions``. Seen on anyio 4.13 to 4.16.

Problem: an error that is raised in the plugin while it makes a runner, or lets go of one, leaves
the runner open and the library's name set. Approach: its ``get_runner`` is then on the stack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import Context
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, Any

from ..backends import running_library
from ..own import asyncio, contextvars
from .cpython.referrers import owners_of
from .needs import Need, Of, Table, optional

if TYPE_CHECKING:
    import sys  # type checkers know versions and platforms by this name alone

    from anyio import TaskInfo
    from anyio.abc import AsyncBackend
else:
    from ..own import sys

_PLUGIN = "anyio.pytest_plugin"

MakeRunner = Callable[[str, dict[str, Any]], Any]


_BACKEND = "anyio._backends._asyncio"
_SCOPES = "cancel scopes on asyncio"
NEEDS = Table(
    Need("the runners of tests", _PLUGIN, "", ("get_async_backend", "get_runner")),
    Need("the running library", "anyio._core._eventloop", "", ("get_async_backend",)),
    Need(_SCOPES, _BACKEND, "", ("_task_states", "CancelScope", "AsyncIOTaskInfo")),
    Need(_SCOPES, _BACKEND, "TaskState", ("cancel_scope",), Of.INSTANCES),
    Need(_SCOPES, _BACKEND, "CancelScope", ("_parent_scope", "_host_task"), Of.INSTANCES),
    Need("the tasks that run", _BACKEND, "AsyncIOTaskInfo", ("_task",), Of.INSTANCES),
    Need("the tasks that run", "anyio._backends._trio", "TrioTaskInfo", ("_task",), Of.INSTANCES),
    optional(
        *("the errors of an open task group", _BACKEND, "TaskGroup", ("_exceptions",)),
        Of.INSTANCES,
    ),
    Need("task groups on trio", "anyio._backends._trio", "TaskGroup", ("_nursery",), Of.INSTANCES),
)


class _Answer:
    """What the plugin gets for an async backend: a maker of runners."""

    def __init__(self, make: MakeRunner, library: str) -> None:
        self._make = make
        self._library = library

    def create_test_runner(self, options: dict[str, Any]) -> Any:
        return self._make(self._library, options)


def is_getting_runner(frame: FrameType | None) -> bool:
    """Whether the plugin is making a runner or letting go of one, in this frame or above it."""
    get_runner: Any = getattr(sys.modules.get(_PLUGIN), "get_runner", None)
    code = getattr(getattr(get_runner, "__wrapped__", None), "__code__", None)
    while frame is not None and frame.f_code is not code:
        frame = frame.f_back
    return frame is not None


@contextmanager
def provided(make: MakeRunner) -> Iterator[None]:
    """Have the plugin's runners made by us while entered; where it is not loaded, nothing."""
    plugin: ModuleType | None = sys.modules.get(_PLUGIN)
    if plugin is None:
        yield
        return
    names = vars(plugin)
    before = names["get_async_backend"]

    def get_async_backend(library: str) -> _Answer:
        return _Answer(make, library)

    names["get_async_backend"] = get_async_backend
    try:
        yield
    finally:
        names["get_async_backend"] = before


def on_asyncio() -> Context:
    """A context in which anyio knows what runs: a callback of asyncio's is in no task."""
    from ..own import sniffio

    context = contextvars.copy_context()
    context.run(sniffio.current_async_library_cvar.set, "asyncio")
    return context


def uvloop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """What makes the event loop that anyio's ``use_uvloop`` stands for."""
    if sys.platform == "win32":
        import winloop

        return winloop.new_event_loop
    import uvloop

    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def running() -> type[AsyncBackend]:
    """anyio's functions for the library that is running; raises `anyio.NoEventLoopError`.

    Those that it names in public ask sniffio which library it is, and sniffio asks
    ``asyncio.current_task``: names that a test may have replaced.
    """
    from anyio._core import _eventloop

    library = running_library()
    return _eventloop.get_async_backend(None if library == "none" else library)


def has_scopes(task: asyncio.Task[Any]) -> bool:
    """Whether any of anyio's cancel scopes is open on a task."""
    state = _states().get(task)
    return state is not None and state.cancel_scope is not None


def open_scopes(task: asyncio.Task[Any]) -> list[Any]:
    """anyio's cancel scopes that are open on a task, innermost first."""
    state = _states().get(task)
    scope = None if state is None else state.cancel_scope
    scopes = []
    while scope is not None:
        scopes.append(scope)
        scope = scope._parent_scope
    return scopes


def is_scope(thing: object) -> bool:
    """Whether it is a cancel scope of anyio's on asyncio."""
    from anyio._backends import _asyncio

    return isinstance(thing, _asyncio.CancelScope)


def cancelled_scopes(task: asyncio.Task[Any]) -> Sequence[Any]:
    """Those of them that are cancelled."""
    state = _states().get(task)
    if state is None or state.cancel_scope is None:
        return ()
    return [scope for scope in open_scopes(task) if scope.cancel_called]


def errors_of(scope: Any) -> list[BaseException]:
    """What the tasks of the task group that a scope belongs to have raised."""
    from anyio.abc import TaskGroup

    for group in owners_of(scope):
        if isinstance(group, TaskGroup) and group.cancel_scope is scope:
            return list(getattr(group, "_exceptions", ()))
    return []


def tasks_within(group: Any) -> list[Any]:
    """The tasks that a task group encloses and that have not ended, its own and their children."""
    nursery = getattr(group, "_nursery", None)
    if nursery is not None:
        from .trio import tasks_within as on_trio

        return on_trio(nursery)
    host = group.cancel_scope._host_task
    return [
        task
        for task in asyncio.all_tasks()
        if task is not host and any(scope is group.cancel_scope for scope in open_scopes(task))
    ]


def unshield(group: Any) -> None:
    """Take away the shields between a task group's scope and what waits in it."""
    nursery = getattr(group, "_nursery", None)
    if nursery is not None:
        from .trio import unshield as on_trio

        on_trio(nursery)
        return
    for task in tasks_within(group):
        for scope in open_scopes(task):
            if scope is group.cancel_scope:
                break
            scope.shield = False


def is_shielded(info: Any) -> bool:
    """Whether a task that ``anyio.get_running_tasks`` tells of has opened a shield that holds."""
    task = task_of(info)
    if hasattr(task, "parent_nursery"):
        from .trio import is_shielded as on_trio

        return on_trio(task)
    return task is not None and any(
        scope.shield for scope in open_scopes(task) if scope._host_task is task
    )


def info_of(task: asyncio.Task[Any]) -> TaskInfo:
    """What ``anyio.get_running_tasks`` tells of a task of asyncio's."""
    from anyio._backends._asyncio import AsyncIOTaskInfo

    return AsyncIOTaskInfo(task)


def task_of(info: Any) -> Any:
    """The task that ``anyio.get_running_tasks`` tells of; None where it has ended meanwhile."""
    task = info._task
    return task if hasattr(task, "parent_nursery") else task()


def _states() -> Any:
    # who has not imported it has opened no scope, and a run that needs none starts sooner
    backend: Any = sys.modules.get("anyio._backends._asyncio")
    return {} if backend is None else backend._task_states
