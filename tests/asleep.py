"""Wait, in another thread, until an event loop sleeps: what comes then finds it asleep.

It is put beside the suites that are run with it.
"""

from __future__ import annotations

import sys
import threading
import time
from asyncio import AbstractEventLoop
from math import inf

from anyrig.seams import asyncio_threads
from anyrig.seams.cpython import stacks


def until_asleep(loop: AbstractEventLoop, *, others: int = 0) -> None:
    """Return when the loop of the main thread sleeps without an end.

    On uvloop it is known by what it waits for: so many handles of its user's.
    """
    main = threading.main_thread().ident or 0
    if not type(loop).__module__.startswith("uvloop"):
        # one that is about to wake still looks as if it slept
        while not (_sleeps(main) and not asyncio_threads._can_be_read(loop) and _sleeps(main)):
            time.sleep(0.001)
        return
    from anyrig.seams.uvloop import LoopWaits

    waits = LoopWaits(loop, main)
    while not (waits.is_same() and waits.others() == others):
        time.sleep(0.001)


def _sleeps(thread: int) -> bool:
    return stacks.sleeps_for(sys._current_frames()[thread]) == inf
