"""The turns of an asyncio event loop: what it has ready for the next, and a call after each.

Problem: a loop does not tell whether anything is ready to run. Approach: ``loop._ready`` holds the
handles, and a handle its ``_callback`` and ``_args``. Limits: uvloop keeps its own to itself.

Problem: nothing public is called after each turn of a loop, and a callback that asks for the next
one keeps the loop from waiting. Approach: while somebody wants to be called, the loop's
``_run_once`` is ours; the loop looks it up each time. Limits: uvloop has none.

Problem: a task does not say whether it waits. Approach: ``_fut_waiter`` is what it waits for, or
None. All seen on CPython 3.11 to 3.13.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, Handle
from collections.abc import Callable
from typing import Any


def ready(loop: AbstractEventLoop) -> list[Handle] | None:
    """What a loop is to call in this turn yet, or in the next; None where it does not show it."""
    handles = getattr(loop, "_ready", None)
    if handles is None:
        return None
    return [handle for handle in list(handles) if not handle.cancelled()]


def is_for(handle: Any, kind: type) -> bool:
    """Whether a handle calls a method of a thing of this kind, or a function with one."""
    return isinstance(getattr(handle._callback, "__self__", None), kind) or any(
        isinstance(one, kind) for one in handle._args or ()
    )


def is_blocked(task: Any) -> bool:
    """Whether a task waits for something that has not come."""
    waiter = getattr(task, "_fut_waiter", None)
    return waiter is not None and not waiter.done()


def after_turns(loop: Any, call: Callable[[], object]) -> Callable[[], None] | None:
    """Call a function after each turn of a loop; returns what takes this away.

    None for a loop that has no such place, and calls nothing.
    """
    if not hasattr(loop, "_run_once"):
        return None
    ours = vars(loop).get("_run_once")
    if not isinstance(ours, _Turn):
        ours = loop._run_once = _Turn(loop._run_once)
    ours.calls.append(call)

    def forget() -> None:
        ours.calls.remove(call)
        if not ours.calls and vars(loop).get("_run_once") is ours:
            del loop._run_once

    return forget


class _Turn:
    """One turn of a loop, and what is called after it; each call takes itself away."""

    def __init__(self, run_once: Callable[[], None]) -> None:
        self._run_once = run_once
        self.calls: list[Callable[[], object]] = []

    def __call__(self) -> None:
        self._run_once()
        for call in [*self.calls]:
            call()
