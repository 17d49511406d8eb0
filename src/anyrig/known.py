"""Tasks and threads that are kept on purpose: no leaks, and nothing that anything waits for.

Problem: some libraries begin a task or a thread once for the whole process and never end it. To
call that a leak of the test that was first helps nobody, and what never does anything for a test
keeps deadlocks from being seen and virtual time from moving.
Approach: those are known by the module and the name of what they run. A short list is built in; the
settings ``anyrig_known_tasks`` and ``anyrig_known_threads`` add to it, by the name alone.
Limits: a known thread that does wake a test's task may have a deadlock told that is none.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Iterator
from types import MethodType
from typing import Any, NamedTuple

from .origins import frame_within
from .own import threading
from .seams.cpython.threads import qualname_of, target_of


class Known(NamedTuple):
    """One of the built-in list: what it runs (with its module), and why it is kept."""

    runs: str
    why: str


TASKS = (
    Known("anyio._backends.*_shutdown_process_pool*", "ends with its event loop"),
    Known("sse_starlette.*._shutdown_watcher", "one for each event loop, for the server's end"),
)
THREADS = (
    Known("tqdm._monitor.TMonitor.run", "looks after progress bars, to the end of the process"),
    Known("sentry_sdk.*", "sends what was reported, to the end of the process"),
    Known("opentelemetry.sdk.*", "exports what was measured, to the end of the process"),
    Known("datadog.dogstatsd.*", "flushes what was measured, to the end of the process"),
    Known("posthog.*", "sends what was captured, to the end of the process"),
)


def is_known_task(name: str, chain: Iterable[Any], patterns: Iterable[str]) -> bool:
    """Whether a task is on the list, or one of those that a setting names.

    The chain is its coroutine, what that waits for, and so on.
    """
    coroutines = list(chain)
    names = {name, *(getattr(one, "__qualname__", "") for one in coroutines)}
    return _matches(names, patterns) or _is_listed(map(_runs, coroutines), TASKS)


def is_known_thread(thread: threading.Thread, patterns: Iterable[str]) -> bool:
    """Whether a thread is on the list, or one of those that a setting names.

    The names are that of the thread, and the qualified one of what it runs.
    """
    target = target_of(thread)
    owner = type(target.__self__) if isinstance(target, MethodType) else None
    names = {str(thread.name), qualname_of(target), *_of_owner(owner, target)}
    return _matches(names, patterns) or _is_listed(map(_with_module, (target,)), THREADS)


def without_known(idents: Iterable[int], patterns: Callable[[], Iterable[str]]) -> list[int]:
    """The threads of these numbers that are none of the known."""
    unknown = list(idents)
    if not unknown:
        return []
    threads = {thread.ident: thread for thread in threading.enumerate()}
    return [
        ident
        for ident in unknown
        if ident not in threads or not is_known_thread(threads[ident], patterns())
    ]


def lines(tasks: Iterable[str], threads: Iterable[str]) -> Iterator[str]:
    """The list in words, what the settings add with it: see ``--anyrig-known``."""
    for what, listed, setting, patterns in (
        ("tasks", TASKS, "anyrig_known_tasks", tasks),
        ("threads", THREADS, "anyrig_known_threads", threads),
    ):
        yield f"{what} that are kept on purpose:"
        for one in listed:
            yield f"  {one.runs}"
            yield f"      {one.why}"
        yield from (f"  {pattern}  ({setting})" for pattern in patterns)
        yield f'more of them: {setting} = ["..."], names of what they run'
        yield ""


def _matches(names: Iterable[str], patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns for name in names)


def _is_listed(names: Iterable[str], listed: Iterable[Known]) -> bool:
    return _matches(list(names), [one.runs for one in listed])


def _runs(coroutine: Any) -> str:
    """The module and the name of a coroutine's function."""
    frame = frame_within(coroutine)
    module = "" if frame is None else frame.f_globals.get("__name__", "")
    return f"{module}.{getattr(coroutine, '__qualname__', '')}"


def _with_module(function: Any) -> str:
    return f"{getattr(function, '__module__', '')}.{qualname_of(function)}"


def _of_owner(owner: type | None, function: Any) -> tuple[str, ...]:
    """The name by the class of the object that it is a method of, which may inherit it."""
    return () if owner is None else (f"{owner.__qualname__}.{function.__name__}",)
