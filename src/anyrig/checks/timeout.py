"""Timeout: a test takes longer than ``anyrig_timeout`` seconds of real time.

Problem: a test that never ends takes the whole run with it.
Approach: it is ended in its own loop, so that fixtures are torn down and the next test runs; where
a call holds the thread, the error is raised in that call.
Limits: see `limits`.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import FrameType
from typing import Any

from ..findings import Finding, Kind, Place
from ..origins import Origins, stack_of
from ..own import inspect
from ..tasks.tree import picture, where_it_waits

kind = Kind.TIMEOUT


def in_loop(
    origins: Origins,
    place: Place,
    seconds: float,
    infos: Iterable[Any],
    details: tuple[str, ...],
    frozen: tuple[str, str] | None = None,
    main_id: int | None = None,
) -> Finding:
    """The finding in words; the tasks are as ``anyio.get_running_tasks`` tells of them.

    ``frozen`` is that the loop's clock stands still, and how to let it go on; ``main_id`` is that
    of the test's own, in a loop that is no runner's of ours.
    """
    mend = _MEND if frozen is None else (f"let the loop's clock go on: `{frozen[1]}`", _OR)
    details = details if frozen is None else (*details, frozen[0])
    tasks = list(infos)
    return Finding(
        kind=kind,
        place=place,
        origin=where_it_waits(origins, tasks, main_id),
        what="the test",
        summary=_summary(seconds, place),
        details=details,
        picture=tuple(picture(origins, tasks)),
        mend=mend,
    )


def held(
    origins: Origins,
    place: Place,
    seconds: float,
    frame: FrameType | None,
    details: tuple[str, ...] = (),
) -> Finding:
    """The finding in words, where a call holds the thread that everything runs in."""
    return Finding(
        kind=kind,
        place=place,
        origin=origins.locate_held(stack_of(frame)),
        what="the test",
        summary=_summary(seconds, place),
        details=(_HELD, *details),
        mend=(_IN_A_THREAD, *_MEND) if _is_in_a_coroutine(frame) else _MEND,
    )


def _is_in_a_coroutine(frame: FrameType | None) -> bool:
    """Whether a frame, or one that has called it, is an ``async def``'s."""
    while frame is not None:
        if frame.f_code.co_flags & inspect.CO_COROUTINE:
            return True
        frame = frame.f_back
    return False


_HELD = "this call held the thread; where a loop runs in it, nothing else could run"
_IN_A_THREAD = "call what blocks in a thread: `await anyio.to_thread.run_sync(function)`; or"
_OR = "or have it wait for what happens, and not for a time"
_MEND = (
    "have what it waits for happen",
    "or, where it is meant to take this long, give it more: `@pytest.mark.anyrig(timeout=60)`",
)


def _summary(seconds: float, place: Place) -> str:
    return f"the test was not over after {seconds:g} s, and was stopped in its {place.phase.value}"
