"""Which loop is running in this thread, said for one call that no loop makes.

Problem: a sync method of asyncio's side (``put_nowait``, ``create_task``, a session's constructor)
asks for the running loop; from trio's side it is called between two turns of the guest's loop. A
whole turn for it would run other ready callbacks, where trio's code relies on none.
Approach: ``asyncio._set_running_loop`` and ``asyncio._get_running_loop``, which asyncio's docs
leave to those who write event loops; both stand in ``asyncio.events.__all__``. Seen on CPython
3.11 to 3.13.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from anyrig.own import asyncio
from anyrig.seams.needs import Need, Table

NEEDS = Table(
    Need("asyncio tests on trio", "asyncio", "", ("_get_running_loop", "_set_running_loop"))
)

# where one is gone, the run ends before they are called

running_loop: Callable[[], Any] = getattr(asyncio, "_get_running_loop", asyncio.get_running_loop)
set_running_loop: Callable[[Any], None] = getattr(asyncio, "_set_running_loop", lambda loop: None)
