"""Whether somebody has asked a task for its exception.

Problem: a test may await a background task for the error that it expects; to show this error once
more would fail a test that is right.
Approach: ``Future._log_traceback`` is true from the exception on, until somebody asks for it. Seen
on CPython 3.11 to 3.13, and with uvloop, whose tasks are asyncio's.
"""

from __future__ import annotations

from typing import Any

from anyrig.own import asyncio
from anyrig.seams.needs import Need, Table

NEEDS = Table(Need("the shim's background tasks", "asyncio", "Future", ("_log_traceback",)))


def is_asked_for(task: asyncio.Future[Any]) -> bool:
    """Whether the exception of a task that has one is known to somebody."""
    return not task._log_traceback
