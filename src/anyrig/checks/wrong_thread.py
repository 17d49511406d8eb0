"""Wrong thread: another thread made something ready in a loop that sleeps, and did not tell it.

Problem: `asyncio.Event.set`, `asyncio.Future.set_result` and their like are for the loop's own
thread. From another one they make a task ready, and the loop sleeps on: for ever, or until
something else happens to wake it.
Approach: the watchdog's thread sees that a loop sleeps with something ready, without waking it.
While `until` asks, and wakes the loop for that, each call from another thread is heard.
Limits: who has called is known where that thread was started while the loop ran. A call that finds
the loop awake is not told: it runs at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from .. import safe, source
from ..findings import Finding, Kind, Origin, Place
from ..origins import Origins, RawFrame
from ..tasks.tree import picture, where_it_waits

if TYPE_CHECKING:
    from ..seams.asyncio_threads import Call

kind = Kind.WRONG_THREAD

# what a user's line calls that has no frame of Python's
_MAKES_TASKS = frozenset({"create_task", "ensure_future"})
_IN_C = _MAKES_TASKS | frozenset(
    {"set_result", "set_exception", "cancel", "call_soon", "call_at", "call_later"}
)
_ANYIO = "/anyio/_backends/_asyncio.py"
UNKNOWN = "another thread has let something go on, and did not tell the loop"


def finding(
    origins: Origins,
    place: Place,
    calls: Sequence[Call],
    infos: Iterable[Any] = (),
    main_id: int | None = None,
    *,
    is_kept_awake: bool = False,
) -> Finding:
    """The finding in words; without calls nobody knows who has called.

    The tasks are as ``anyio.get_running_tasks`` tells of them; ``main_id`` is that of the test's
    own, in a loop that is no runner's of ours. ``is_kept_awake`` is that `until` woke the loop.
    """
    tasks = list(infos)
    shown = tuple(picture(origins, tasks))
    if not calls:
        return Finding(
            kind=kind,
            place=place,
            origin=where_it_waits(origins, tasks, main_id),
            what="the test",
            summary=UNKNOWN,
            picture=shown,
            mend=("have that thread make its call by `loop.call_soon_threadsafe`",),
        )
    call = calls[0]
    here, started = _users(origins, call.frames), _users(origins, call.start)
    details = [f"the thread was started at {started}"] if here and started else []
    if is_kept_awake:
        details.append("`until` kept the loop awake: an `await` would have waited on")
    return Finding(
        kind=kind,
        place=place,
        origin=here or started,
        what=f"`{_text(origins, call)}`",
        summary=in_words(origins, call),
        details=tuple(details),
        picture=shown,
        mend=tuple(_mend(origins, call)),
    )


def details(origins: Origins, calls: Sequence[Call]) -> Iterable[str]:
    """What a test waits for that was ended for another reason, in words."""
    for call in calls[:1]:
        where = _users(origins, call.frames) or _users(origins, call.start)
        place = "" if where is None else f" ({where})"
        yield f"{in_words(origins, call)}{place}, and the loop was not told"
    if not calls:
        yield UNKNOWN


def in_words(origins: Origins, call: Call) -> str:
    """Who has called what: "`event.set()` was called in the thread `work`"."""
    name = call.thread
    if name is None and _users(origins, call.frames) is not None:
        name = call.function
    whose = "another thread" if name is None else f"the thread `{safe.name(name)}`"
    return f"`{_text(origins, call)}` was called in {whose}"


def _users(origins: Origins, frames: Sequence[RawFrame]) -> Origin | None:
    """The user's line in these; None where there is none."""
    frame = _users_frame(origins, frames)
    origin = None if frame is None else origins.locate(frames)
    return origin and origin._replace(inside=None)


def _users_frame(origins: Origins, frames: Sequence[RawFrame]) -> RawFrame | None:
    inner = origins.within(frames)
    return next((frame for frame in inner if origins.is_users(frame[0])), None)


def _text(origins: Origins, call: Call) -> str:
    """What was called: the text of the user's line, or of what the thread was given to run."""
    site = _site(origins, call)
    given = _given(origins, call)
    return safe.line(site.text if site else f"{given or call.function}()")


def _site(origins: Origins, call: Call) -> source.CallSite | None:
    """The call on the user's line in the thread."""
    frame = _users_frame(origins, call.frames)
    if frame is None:
        return None
    index = call.frames.index(frame)
    inner = call.frames[index - 1][2] if index else ""
    return source.find_call(frame[0], frame[1], _IN_C | {inner})


def _given(origins: Origins, call: Call) -> str | None:
    """What a thread that has no line of the user's was given to run, where it was started."""
    frame = _users_frame(origins, call.start)
    if frame is None or _users_frame(origins, call.frames) is not None:
        return None
    return source.find_given(frame[0], frame[1], call.function.rpartition(".")[2])


def _mend(origins: Origins, call: Call) -> Iterable[str]:
    site, given = _site(origins, call), _given(origins, call)
    is_anyios = any(frame[0].replace("\\", "/").endswith(_ANYIO) for frame in call.frames)
    ask = "anyio.from_thread.run_sync" if is_anyios else "loop.call_soon_threadsafe"
    later = None if site is None else source.as_partial(site.text)
    if given is not None:
        yield f"give the thread `{ask}` to call, with `{given}` for its argument"
    elif site is None or later is None:
        yield f"have the loop's own thread make the call, by `{ask}`"
    elif site.function_text.endswith(".call_soon"):
        yield CODE + site.text.replace(".call_soon(", ".call_soon_threadsafe(", 1)
    elif site.function_text.rpartition(".")[2] in _MAKES_TASKS:
        coroutine = later.partition(", ")[2]
        yield _HAVE
        yield f"{CODE}asyncio.run_coroutine_threadsafe({coroutine}, loop)"
        yield _WHICH
    elif is_anyios:
        yield f"{CODE}{ask}({later})"
    else:
        yield _HAVE
        yield f"{CODE}{ask}({later})"
        yield _WHICH


CODE = "    "
_HAVE = "have the loop's own thread make the call:"
_WHICH = "where the loop is what `asyncio.get_running_loop()` gives in the test"
