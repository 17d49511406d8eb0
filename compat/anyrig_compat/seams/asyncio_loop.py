"""What an asyncio loop has to do next, and when.

Problem: a guest waits in trio for what its loop waits for, and a loop has no public way to ask
whether it has callbacks ready and when its next timer is due.
Approach: ``_ready`` and the heap ``_scheduled`` of asyncio's own loops; a timer that was cancelled
may lie at the top of it, which costs one turn. Seen on CPython 3.11 to 3.13.
"""

from __future__ import annotations

from typing import Any

from anyrig.seams.needs import Need, Of, Table

_PART = "asyncio tests on trio"
NEEDS = Table(
    Need(_PART, "asyncio", "BaseEventLoop", ("_ready", "_scheduled"), Of.INSTANCES),
    Need(_PART, "asyncio", "TimerHandle", ("_when",)),
)


def has_ready(loop: Any) -> bool:
    """Whether callbacks are ready to run."""
    return bool(loop._ready)


def next_deadline(loop: Any) -> float | None:
    """When the next timer is due, by the loop's clock; None where there is none."""
    return loop._scheduled[0]._when if loop._scheduled else None
