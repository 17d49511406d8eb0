"""Lost exceptions: an exception was raised where nobody could see it.

Problem: a task that nobody awaits, a callback, a thread, a finaliser raise to nobody; somebody
logs or prints it, for whichever test is running, and the test is green.
Approach: the hooks of the interpreter and the handler of the runner's event loop only record; at
the end of each phase they are asked. Of a future that something still holds nobody ever hears, so
those of the test are looked for among its young objects, and judged when what holds them ended.
Loops that are not ours tell a handler that all loops have, and are overheard there.
Limits: a ``concurrent.futures.Future`` does not know whether it was asked.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any, NamedTuple

from .. import safe
from ..findings import Finding, Kind, Origin, Place
from ..holders import Holder, Recognise, find_holder
from ..losses import Loss, Way
from ..origins import Origins, RawFrame, raw_frames
from ..own import threading, traceback, weakref
from ..seams.asyncio_errors import hush, is_heard_by_others, is_unretrieved, loss_of
from ..seams.cpython import stacks
from ..seams.cpython.excepthooks import ExceptHooks
from . import finalised
from .missed_await import MissedAwaits

_MEMBERS = 20  # of a group that are told


class Lost(NamedTuple):
    """One loss, the test and phase that it belongs to, and what still holds it.

    ``raised`` is the exception's traceback as it was then: who raises it again puts another there.
    """

    loss: Loss
    place: Place
    raised: TracebackType | None
    permit: object = None
    held_by: str | None = None
    freed_in: Place | None = None  # where a `__del__` ran, for an object of another place


class _Held(NamedTuple):
    """A future that was seen alive at the end of a phase, with an exception nobody asked for."""

    ref: Callable[[], Any]
    place: Place
    permit: object


class LostExceptions:
    """The check. ``enabled`` says whether the running test wants it; false where none runs."""

    kind = Kind.LOST_EXCEPTION

    def __init__(self, missed: MissedAwaits) -> None:
        # whose place, permission and window are asked, too
        self._missed = missed
        self.enabled = False
        self._hooks = self.hooks()
        # what was lost since the last drain, in any thread
        self.dead: deque[Lost] = deque()
        # the future's id -> the future, until its exception is retrieved, told or dead
        self.held: dict[int, _Held] = {}

    # -- record: called by the interpreter, in any thread, at any time ---------------------------

    def note(self, loss: Loss, thread: threading.Thread | None = None) -> bool:
        """Record a loss, in this thread if that is known; whether it is taken."""
        if not self.enabled:
            return False
        raised = loss.error.__traceback__
        held = self.held.pop(loss.key, None)
        place, permit = self._whose(thread) if held is None else (held.place, held.permit)
        maker = self._maker(raised) if loss.way is Way.FINALISER else None
        if maker is None:
            earlier = self._earlier(loss) if held is None else None
            place, permit = (place, permit) if earlier is None else (earlier, None)
            self.dead.append(Lost(loss, place, raised, permit))
        else:
            self.dead.append(Lost(loss, maker, raised, freed_in=place))
        return True

    def _earlier(self, loss: Loss) -> Place | None:
        """The place of an earlier test, which began the task or callback on a wider loop."""
        from ..runners import owner_in

        return self._missed.place_of_owner(owner_in(loss.context))

    def _maker(self, raised: TracebackType | None) -> Place | None:
        """The place that made what was finalised, where that is another one than this.

        Where no ``__del__`` is in it, that of the closed loop which refused a call.
        """
        frames = [frame for frame, _ in traceback.walk_tb(raised)]
        first = next(filter(finalised.ends_in, frames), None)
        if first is None:
            loop = frames[-1].f_locals.get("self") if frames else None
            return self._missed.maker_of(loop) if isinstance(loop, AbstractEventLoop) else None
        maker = self._missed.maker_of(finalised.object_of(first))
        if maker is not None:
            for frame in frames:
                self._missed.keep_of(maker, frame)
        return maker

    def _whose(self, thread: threading.Thread | None) -> tuple[Place, object]:
        """The place that a thread's doings belong to, and the permission that is open there."""
        missed = self._missed
        place = missed.here if thread is None else missed.place_of(thread)
        return place, missed.permit if place.test == missed.here.test else None

    def keep(self, future: Any) -> None:
        """Keep a future in sight that is alive at the end of a phase, and whose exception is."""
        if self.enabled and id(future) not in self.held and not is_heard_by_others(future):
            is_alone = threading.active_count() == 1
            thread = None if is_alone else stacks.thread_of(future.get_loop())
            self.held[id(future)] = _Held(weakref.ref(future), *self._whose(thread))

    # -- start -----------------------------------------------------------------------------------

    def hooks(self, *, stands_back: bool = False) -> ExceptHooks:
        """New hooks, to stand before those that are there when they are entered."""
        return ExceptHooks(self.note, stands_back=stands_back)

    def install(self) -> None:
        """Begin to hear what the interpreter can raise nowhere."""
        self._missed.keep_future = self.keep
        self._hooks.__enter__()

    def uninstall(self) -> None:
        """Put the hooks back as they were."""
        self.enabled = False
        self._hooks.__exit__(None, None, None)

    # -- finish ----------------------------------------------------------------------------------

    def drain(self) -> list[Lost]:
        """What was lost since the last drain, each exception once."""
        drained: dict[int, Lost] = {}
        while self.dead:
            lost = self.dead.popleft()
            drained.setdefault(id(lost.loss.error), lost)
        return list(drained.values())

    def was_made_under(self, permit: object) -> bool:
        """Whether anything was lost while this allowance was open."""
        permits = [lost.permit for lost in list(self.dead)]
        permits += [held.permit for held in list(self.held.values())]
        return any(one is permit for one in permits)

    def judge(
        self, recognise: Recognise, chosen: Callable[[Place], bool], waits: Callable[[Holder], bool]
    ) -> None:
        """Record what is held, of the ``chosen`` places, where nobody will ask for it any more.

        ``waits`` says of a holder whether it may still ask.
        """
        for key in list(self.held):
            # one that dies meanwhile is taken away by `note`
            held = self.held.get(key)
            if held is None:
                continue
            future = held.ref()
            if future is None or not is_unretrieved(future):
                self.held.pop(key, None)
            elif chosen(held.place):
                loss = loss_of(future)
                # an eager task is a local of the very frames that its exception came through
                holder = find_holder(future, recognise, own=_frames_behind(loss.error))
                if not waits(holder):
                    self.held.pop(key, None)
                    if not is_unretrieved(future):  # somebody has asked while the heap was walked
                        continue
                    hush(future)
                    raised = loss.error.__traceback__
                    self.dead.append(Lost(loss, held.place, raised, held.permit, holder.words))


def reached_later(lost: Lost, filename: str, function: str) -> bool:
    """Whether an exception was raised into a function after it had been lost: it was heard."""
    later = lost.loss.error.__traceback__
    while later is not None and later is not lost.raised:
        code = later.tb_frame.f_code
        if code.co_name == function and code.co_filename == filename:
            return True
        later = later.tb_next
    return False


# -- wording -------------------------------------------------------------------------------------

# way -> what lost it, why nobody saw it, and what to type
_WORDS: dict[Way, tuple[str, str, tuple[str, ...]]] = {
    Way.TASK: (
        "the task",
        "nobody awaited the task, and nobody asked it for its exception",
        (
            "await it where the test, or what it tests, ends",
            "or start it in a task group, such as the fixture `task_group`",
        ),
    ),
    Way.FUTURE: (
        "a",
        "nobody awaited it, and nobody asked it for its exception",
        ("await it, or give its exception to somebody who does",),
    ),
    Way.CALLBACK: (
        "the callback",
        "the event loop calls it, and has nobody to pass an exception on to",
        ("catch it in the callback, and hand it to what waits: a future's `set_exception()`",),
    ),
    Way.LOOP: (
        "the event loop:",
        "the event loop has nobody to pass an exception on to",
        ("catch it where it is raised, and hand it to what waits",),
    ),
    Way.FINALISER: (
        "",
        "the interpreter calls it, and has nobody to pass an exception on to",
        (
            "close the object where the test, or what it tests, ends: an error has a caller there",
            "or catch it where it is raised",
        ),
    ),
    Way.THREAD: (
        "the thread",
        "it ended the thread, and a thread has nobody to pass an exception on to",
        (
            "run it with what raises its exception in the caller: anyio.to_thread.run_sync",
            "or catch it in the thread, and hand it over",
        ),
    ),
    Way.GENERATOR: (
        "the cleanup of the async generator",
        "it was left in the middle, and the event loop closed it later, for nobody",
        ("close it where it is left: `async with contextlib.aclosing(...) as items:`",),
    ),
}
_NAMELESS = {
    Way.TASK: "a task",
    Way.CALLBACK: "a callback",
    Way.FINALISER: "a finaliser",
    Way.THREAD: "a thread",
}


def finding(origins: Origins, lost: Lost) -> Finding:
    """The finding in words: what was lost, where its maker and its raiser stand, what to type."""
    loss = lost.loss
    prefix, why, mend = _WORDS[loss.way]
    what = " ".join(filter(None, (prefix, f"`{loss.name}`")))
    if not loss.name:
        what = _NAMELESS[loss.way]
    elif loss.way in (Way.FUTURE, Way.LOOP):
        what = f"{prefix} {loss.name}"
    frames = raw_frames(traceback.walk_tb(lost.raised))
    made = origins.locate(loss.made)
    origin = made and made._replace(inside=None)
    if origin is None or not any(origins.is_users(frame[0]) for frame in loss.made):
        origin = origins.locate(frames[::-1]) or origin
    more = [] if lost.held_by is None else [f"still held by {lost.held_by}"]
    more += [] if lost.freed_in is None else [finalised.in_words(lost.place, lost.freed_in)]
    return Finding(
        kind=Kind.LOST_EXCEPTION,
        place=lost.place,
        origin=origin,
        what=what,
        summary=f"{_in_a_line(loss.error)} was lost in {what}",
        details=(why, *more),
        mend=mend,
        trace=tuple(_trace(origins, loss.error, frames, origin)),
    )


def _frames_behind(error: BaseException) -> list[FrameType]:
    frames: list[FrameType] = []
    for frame, _ in traceback.walk_tb(error.__traceback__):
        behind: FrameType | None = frame
        while behind is not None and behind not in frames:
            frames.append(behind)
            behind = behind.f_back
    return frames


def _in_a_line(error: BaseException) -> str:
    text = safe.said_by(error).strip()
    _, colon, said = text.partition("\n")[0].partition(": ")  # the name comes with its module
    line = safe.line(f"{type(error).__name__}{colon}{said}")
    return line if len(line) <= 80 else line[:77] + "..."


def _trace(
    origins: Origins, error: BaseException, frames: list[RawFrame], origin: Origin | None
) -> Iterator[str]:
    """Where it was raised, the user's own lines, and what it came of; none where that is said."""
    from .. import source

    shown = [frame for frame in frames if origins.is_users(frame[0])]
    is_said = origin is not None and [(origins.path(f[0]), f[1]) for f in shown] == [
        (origin.path, origin.lineno)
    ]
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if isinstance(cause, GeneratorExit):  # that is the closing itself
        cause = None
    if is_said and cause is None and not isinstance(error, BaseExceptionGroup):
        return
    yield "raised:"
    for filename, lineno, function in shown or frames[-1:]:
        yield f"{safe.path(origins.path(filename))}:{lineno} in {function}"
        yield f">   {source.line(filename, lineno)}"
    yield from safe.said_by(error).rstrip("\n").split("\n")
    if isinstance(error, BaseExceptionGroup):
        yield from (f"  with {_in_a_line(one)}" for one in error.exceptions[:_MEMBERS])
        more = len(error.exceptions) - _MEMBERS
        if more > 0:
            yield f"  and {more} more"
    if cause is not None:
        yield f"which came of {_in_a_line(cause)}"
