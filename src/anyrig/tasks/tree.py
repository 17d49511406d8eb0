"""The tasks that are running, as a picture: whose child each is, and where it waits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .. import columns, safe
from ..columns import TERMINAL
from ..findings import Origin, TaskDidNotEnd
from ..origins import Origins
from ..seams.anyio import is_shielded
from .waiting import awaited, frames, lines

_MOST = 60  # lines of a picture beside a failure that has its own traceback


class Node(NamedTuple):
    """One task: its name, what holds of it (cancelled, shielded), its stack and its children."""

    name: str
    marks: tuple[str, ...]
    stack: list[str]
    children: list[Node]


def task_tree() -> str:
    """A picture of all tasks of the running loop: names, parents and children, where each waits.

    To be called in async code, on either backend. The stack of a task is the user's own lines in
    it, outermost first; a task without any shows the innermost line of the library that it is in.
    Raises `anyio.NoEventLoopError` (a RuntimeError) where no async code is running.
    """
    from ..guests import running_tasks

    return "\n".join(picture(Origins(Path.cwd()), running_tasks()))


def picture(origins: Origins, infos: Iterable[Any], width: int = TERMINAL) -> list[str]:
    """The lines of the picture of some tasks, as ``anyio.get_running_tasks`` tells of them."""
    return list(draw(nodes(origins, infos), width))


def nodes(origins: Origins, infos: Iterable[Any]) -> list[Node]:
    """Those of some tasks that none of the others started, each with all that it started.

    The tasks are as ``anyio.get_running_tasks`` tells of them. trio's own, which it names in
    angle brackets, are left out.
    """
    tasks = sorted(infos, key=lambda info: str(info.name))
    known = {task.id for task in tasks}
    below: dict[int | None, list[Any]] = {}
    for task in tasks:
        parent = task.parent_id if task.parent_id in known else None
        below.setdefault(parent, []).append(task)

    def node(task: Any) -> Node:
        children = [node(child) for child in below.get(task.id, ())]
        marks = {"cancelled": task.has_pending_cancellation(), "shielded": is_shielded(task)}
        words = tuple(word for word, holds in marks.items() if holds)
        stack = lines(task.coro, origins)
        thing = awaited(task.coro, origins)
        if thing is not None:
            stack.append(f"waits for {thing}")
        return Node(task.name, words, stack, children)

    roots = [node(task) for task in below.get(None, ())]
    return [shown for root in roots for shown in _shown(root)]


def draw_beside(origins: Origins, infos: Iterable[Any]) -> list[str]:
    """The picture of what runs beside a test that has failed: of very much, the beginning.

    What is being cancelled is left out.
    """
    roots = nodes(origins, infos)
    lines = list(draw([node for node in roots if "cancelled" not in node.marks]))
    more = len(lines) - _MOST
    return lines if more <= 0 else [*lines[:_MOST], f"... and {more} lines more"]


def where_it_waits(
    origins: Origins, infos: Iterable[Any], main_id: int | None = None
) -> Origin | None:
    """The user's line that the test itself, or its fixture, waits at.

    ``main_id`` is that of its task, where that is no runner's of ours.
    """
    from ..runners.base import TASK_NAME

    main = next((one for one in infos if one.name == TASK_NAME or one.id == main_id), None)
    origin = None if main is None else origins.locate(frames(main.coro)[::-1])
    return origin and origin._replace(inside=None)  # what a library does to wait is no news


def _shown(root: Node) -> list[Node]:
    """A task that nobody's child is; in the place of the library's own, what they started."""
    if not root.name.startswith("<"):
        return [root]
    return [shown for child in root.children for shown in _shown(child)]


def did_not_end(tree: Sequence[Node], seconds: float) -> TaskDidNotEnd:
    """The error for tasks that went on though they were cancelled that long ago.

    Where they can't be drawn, the tree has none.
    """
    noun = "a task has" if len(tree) < 2 else f"{len(tree)} tasks have"
    title = f"{noun} not ended {seconds:g} s after being cancelled:"
    return TaskDidNotEnd("\n".join([title, *draw(tree)]))


def draw(tree: Iterable[Node], width: int = TERMINAL) -> Iterator[str]:
    """The lines of the picture, in so many columns."""
    siblings = list(tree)
    for node in siblings:
        is_last = node is siblings[-1]
        marks = f" ({', '.join(node.marks)})" if node.marks else ""
        name = columns.code(safe.name(node.name), max(width - 3 - len(marks), columns.LEAST))
        yield f"{'└─ ' if is_last else '├─ '}{name}{marks}"
        margin = "   " if is_last else "│  "
        stem = "│  " if node.children else "   "
        for line in columns.fitted(map(safe.line, node.stack), width - 6):
            yield f"{margin}{stem}{line}"
        for line in draw(node.children, width - 3):
            yield margin + line
