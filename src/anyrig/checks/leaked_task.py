"""Leaked task: a task that the test made is still there when the test has ended.

Problem: it goes on beside the next test, or dies with its event loop and nobody sees how.
Approach: what runs in the runner's task runs under a context variable that names who it is for,
and each task copies the context of what made it. So a task is the test's, or a wider fixture's,
by descent. It is looked for when the runner closes, and at the end of each test where it stays.
Limits: a task made under a context of its own is judged when the runner closes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from types import CodeType
from typing import Any

from .. import safe
from ..findings import Finding, Kind, Origin, Place
from ..origins import Origins
from ..own import inspect
from ..tasks.waiting import frames

kind = Kind.LEAKED_TASK


def finding(
    origins: Origins, place: Place, name: str, coroutine: Any, maker: str | None
) -> Finding:
    """The finding in words; ``maker`` is the wider fixture that made it, in words."""
    # asyncio's own numbering tells nobody anything, nor does what an eager factory makes of it
    if re.fullmatch(r"Task-\d+|None", name):
        name = getattr(coroutine, "__qualname__", name)
    name = safe.name(name)
    whose = "" if maker is None else f", which {maker} made,"
    return Finding(
        kind=kind,
        place=place,
        origin=_origin(origins, coroutine),
        what=f"the task `{name}`",
        summary=f"the task `{name}`{whose} is still running",
        details=tuple(_details(origins, coroutine)),
        mend=(
            "start it in a task group that ends with the test, such as the fixture `task_group`",
            "or cancel and await it where the test, or what it tests, ends",
            "a library's own: name it in anyrig_known_tasks",
        ),
    )


def of_call(origins: Origins, place: Place, function: Any, test: CodeType | None) -> Finding:
    """The finding for a function that runs in the loop's executor; ``test`` is the test's code."""
    name = getattr(function, "__qualname__", None)
    name = safe.name(function if name is None else name)
    code = getattr(inspect.unwrap(function), "__code__", None)
    is_users = code is not None and origins.is_users(code.co_filename)
    shown = code if is_users else test
    return Finding(
        kind=kind,
        place=place,
        origin=None if shown is None else origins.definition(shown),
        what=f"the call of `{name}` in the loop's executor",
        summary=f"the call of `{name}` in a thread is still running, and nobody awaits it",
        mend=(
            "await what run_in_executor() gives",
            "or write await anyio.to_thread.run_sync(...) in its place",
        ),
    )


def _origin(origins: Origins, coroutine: Any) -> Origin | None:
    made = getattr(coroutine, "cr_origin", None)
    origin = origins.locate(list(made)) if made else None
    # what a library does to start a task is no news
    return origin and origin._replace(inside=None)


def _details(origins: Origins, coroutine: Any) -> Iterable[str]:
    stack = frames(coroutine)
    waits = origins.locate(stack[::-1]) if stack else None
    if waits is not None:
        yield f"it waits at {waits} in {waits.function}: {waits.source}"
