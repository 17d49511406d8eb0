"""asyncio loops that are no runner's of ours: what is lost in them, and left, is told as well."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Iterator
from contextlib import contextmanager

from .guests import LOOPS
from .own import asyncio
from .runners.base import HOST
from .seams.asyncio_errors import Listener


@contextmanager
def watch_loop(loop: AbstractEventLoop) -> Iterator[None]:
    """Has an asyncio loop of one's own watched while entered, in a test or in an async fixture.

    Exceptions that are lost in it are told as those of the test's own loop are; where their policy
    is off, they are raised at the end. The tasks that are there when it is left, and were not
    cancelled, are told as leaked. Outside of tests that anyrig watches it does nothing.
    """
    host = HOST.get()
    if host is None:
        yield
        return
    kept: list[Exception] = []
    before = loop.get_exception_handler()
    loop.set_exception_handler(Listener(host.lose, kept))
    LOOPS.append(loop)
    try:
        yield
    finally:
        LOOPS.remove(loop)
        left = [task for task in asyncio.all_tasks(loop) if not task.cancelling()]
        if left:
            host.left_elsewhere(left)
        loop.set_exception_handler(before)
        if kept:
            raise kept[0] if len(kept) == 1 else ExceptionGroup("lost in a loop", kept)
