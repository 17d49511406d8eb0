"""Blocked loop: one call held the event loop, and nothing else could run.

Problem: a blocking call stops every task, every timeout and every cancellation, and the test that
has only one task does not notice.
Approach: the watchdog's thread notes the frames of the loop's thread while it is held.
Limits: only loops of the runner's are looked at. A machine that gives the process no time for so
long looks the same.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..findings import Finding, Kind, Place
from ..origins import Origins, RawFrame

kind = Kind.BLOCKED_LOOP


def finding(origins: Origins, place: Place, frames: Sequence[RawFrame], seconds: float) -> Finding:
    """The finding in words; the frames are those of the loop's thread, innermost first."""
    filename, lineno, function = frames[0]
    inner = f"it was in {function} ({filename}:{lineno})"
    return Finding(
        kind=kind,
        place=place,
        origin=origins.locate(frames),
        what="the event loop",
        summary=f"a call held the event loop for more than {seconds:g} s",
        details=() if origins.is_users(filename) else (inner,),
        mend=(
            "call what blocks in a thread:",
            "    await anyio.to_thread.run_sync(function)",
            "or, where it only waits, await anyio.sleep() or the like",
        ),
    )
