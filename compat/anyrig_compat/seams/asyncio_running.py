"""Which loop is running in this thread, said for one call that no loop makes.

Problem: a sync method of asyncio's side (``put_nowait``, ``create_task``, a session's constructor)
asks for the running loop; from trio's side it is called between two turns of the guest's loop. A
whole turn for it would run other ready callbacks, where trio's code relies on none.
Approach: ``asyncio._set_running_loop`` and ``asyncio._get_running_loop``, which asyncio's docs
leave to those who write event loops; both stand in ``asyncio.events.__all__``. Seen on CPython
3.11 to 3.13.
"""

from __future__ import annotations

from anyrig.own import asyncio

running_loop = asyncio._get_running_loop
set_running_loop = asyncio._set_running_loop
