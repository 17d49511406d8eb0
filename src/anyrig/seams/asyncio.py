"""The event loop of a callback that it has yet to call.

Problem: a coroutine that was handed to a loop (``call_soon``, ``run_coroutine_threadsafe``) may
still run, unless the loop is closed; its handle does not say which loop that is.
Approach: ``asyncio.Handle._loop``. Seen on CPython 3.11 to 3.13; uvloop's handles are of another
type and are not asked.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, Handle


def loop_of(handle: Handle) -> AbstractEventLoop | None:
    """The loop that is to call it; None where the handle does not say."""
    loop = getattr(handle, "_loop", None)
    return loop if isinstance(loop, AbstractEventLoop) else None
