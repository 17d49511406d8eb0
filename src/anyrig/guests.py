"""asyncio loops that a trio run takes the turns of, as `watch_loop` has heard of them.

Problem: trio waits for such a loop's selector, and sees no more than a task that waits for I/O:
that nothing can come any more is not seen, nor who waits in the loop.
Approach: between two turns a loop can be asked, in its own thread, what it waits for.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Iterator

from .own import anyio, asyncio
from .seams import anyio as anyio_seam
from .seams import asyncio as asyncio_seam

LOOPS: list[AbstractEventLoop] = []  # the watched ones; most are none, but loops of their own


def running_tasks() -> list[anyio.TaskInfo]:
    """The tasks of the running loop, and on trio those of its guests.

    Raises `anyio.NoEventLoopError` where no async code is running.
    """
    return [*anyio_seam.running().get_running_tasks(), *_of_guests()]


def tasks_in(loop: AbstractEventLoop) -> list[anyio.TaskInfo]:
    """Those of an asyncio loop, and of guests; also from another thread, while it sleeps."""
    tasks = (one for one in asyncio.all_tasks(loop) if not one.done())
    return [*map(anyio_seam.info_of, tasks), *_of_guests()]


def _of_guests() -> Iterator[anyio.TaskInfo]:
    for loop in LOOPS:
        # one that runs is this one, or another thread's
        if not loop.is_running():
            yield from map(anyio_seam.info_of, asyncio.all_tasks(loop))


def idle_descriptors() -> set[int]:
    """The descriptors of those that wait for nothing but a call."""
    found = {asyncio_seam.idle_descriptor(loop) for loop in LOOPS}
    return {one for one in found if one is not None}
