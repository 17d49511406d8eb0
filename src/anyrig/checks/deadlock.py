"""Deadlock: all tasks wait, and nothing is left that could wake any of them.

Problem: the run hangs, and whoever waits for it sees nothing.
Approach: a loop notes, or says when it is asked, that it waits with nothing to run, no timer and no
I/O. The watchdog's thread asks whether any thread or any handler of a signal could wake it; where
none can for some looks, the test ends, with what each task waits for.
Limits: I/O that nobody will ever do counts as something that may wake a task, and so does a thread
that waits for the loop.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..findings import Finding, Kind, Place
from ..origins import Origins
from ..tasks.tree import picture, where_it_waits

kind = Kind.DEADLOCK


def finding(
    origins: Origins,
    place: Place,
    infos: Iterable[Any],
    *,
    is_halted: bool = False,
    main_id: int | None = None,
) -> Finding:
    """The finding in words; the tasks are as ``anyio.get_running_tasks`` tells of them.

    ``is_halted`` is for virtual time that the test alone moves; ``main_id`` is the test's own
    task, in a loop that is no runner's of ours.
    """
    tasks = list(infos)
    mend = ["have something set, release, send or close what they wait for"]
    if is_halted:
        mend.append(
            "or, where it is time that they wait for, as `clock.autojump` is off: "
            "`await clock.advance(60)`"
        )
    return Finding(
        kind=kind,
        place=place,
        origin=where_it_waits(origins, tasks, main_id),
        what="the test",
        summary="deadlock: every task waits, and nothing is left to wake one",
        picture=tuple(picture(origins, tasks)),
        mend=tuple(mend),
    )
