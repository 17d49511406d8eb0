"""Leaked thread: a thread that a test started is still alive when the test has ended.

Problem: it goes on beside the next test; nothing tells who started it, and where.
Approach: each start of a thread in a test is noted where it happens, with the frames and whom it
is for: the test, or a wider fixture, also by way of another thread or a task of theirs. When the
test has ended, those are looked at that it started, and those of a wider fixture that has ended.
One that is just ending gets `GRACE` to do so.
Limits: a thread that is started in a pool's thread is the running test's, unless a wider fixture
started the pool. What a library starts in a task of its own, with no line of the user's in it, is
not told.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from types import FrameType
from typing import NamedTuple

from .. import safe
from ..findings import Finding, Kind, Origin, Place
from ..origins import Origins, RawFrame
from ..own import threading, time, weakref
from ..seams.cpython.asyncgen import stack_of
from ..seams.cpython.threads import Starters, frames_of, is_frameworks, is_pooled, telling_name

GRACE = 0.2  # seconds that the threads of a test have, all together, to end
# the same for those of a start that left one before: a suite that leaks in each of its tests
# would wait for each
SHORT_GRACE = 0.02


class Start(NamedTuple):
    """The start of a thread: where, in which test and phase, and for whom."""

    thread: weakref.ref[threading.Thread]
    frames: tuple[RawFrame, ...]  # innermost first
    place: Place
    owner: object  # a test's id, or a wider fixture
    permit: object
    keeper: object = None  # the wider fixture whose value holds the thread


class Leaked(NamedTuple):
    """A thread that is still alive, and its start."""

    thread: threading.Thread
    start: Start


class LeakedThreads:
    """The check. Starts are noted from `install` to `uninstall`, and judged by `left`."""

    kind = Kind.LEAKED_THREAD

    def __init__(
        self,
        origins: Origins,
        here: Callable[[], tuple[Place, object]],
        owner: Callable[[Sequence[RawFrame]], object],
    ) -> None:
        self._origins = origins
        # the place that is now, and the permission that is open
        self._here = here
        # the wider fixture, or the test's id, that this code runs for; None where that is not known
        self._owner = owner
        self._starters = Starters(self._note)
        self._entered = ExitStack()
        # called in the thread that starts another one
        self.heard: Callable[[], object] = lambda: None
        # what was not judged yet; other threads add to it
        self.noted: deque[Start] = deque()
        # thread -> its start, as long as the thread object lives
        self._starts: weakref.WeakKeyDictionary[threading.Thread, Start] = (
            weakref.WeakKeyDictionary()
        )
        # the lines of starts that have left a thread in this run
        self._known: set[RawFrame | None] = set()

    # -- record: in any thread, at any time ------------------------------------------------------

    def _note(self, thread: threading.Thread, frame: FrameType) -> None:
        place, permit = self._here()
        if place.test is None:
            return
        frames = stack_of(frame)
        parent = self._parent()
        owner = self._owner(frames) or (parent and parent.owner) or place.test
        if parent is not None and owner == parent.owner:
            place = parent.place
        start = Start(weakref.ref(thread), frames, place, owner, permit)
        self._starts[thread] = start
        self.noted.append(start)
        self.heard()

    def frames_at_start(self, thread: threading.Thread) -> Sequence[RawFrame]:
        """The frames that have started a thread; none where that was not noted."""
        start = self._starts.get(thread)
        return () if start is None else start.frames

    def _parent(self) -> Start | None:
        """The start of the thread that runs; None for one of a pool, which serves whoever asks."""
        current = threading.current_thread()
        start = self._starts.get(current)
        if start is None or (is_pooled(current) and isinstance(start.owner, str)):
            return None
        return start

    def start_of(self, thread: threading.Thread) -> Place | None:
        """The place that what a thread does belongs to: its test's, whichever runs by then.

        None for one of a wider fixture, which serves each test, and for one of which nothing is
        known.
        """
        start = self._starts.get(thread)
        return start.place if start is not None and isinstance(start.owner, str) else None

    @property
    def have_starts(self) -> bool:
        """Whether a thread may be there that a test has started."""
        return bool(self._starts)

    # -- start and finish ------------------------------------------------------------------------

    def install(self) -> None:
        """Begin to note: threads that run now are not ours."""
        self._entered.enter_context(self._starters)

    def uninstall(self) -> None:
        """Put ``threading.Thread.start`` back, where it was taken."""
        self._entered.close()

    def left(
        self,
        test: str,
        is_live: Callable[[object], bool],
        keeper_of: Callable[[threading.Thread], object],
        let_go: Callable[[int], object],
    ) -> list[Leaked]:
        """The threads that are alive though their test, or the fixture that they are for, is over.

        They get a moment to end before. Each is told once. ``keeper_of`` gives the wider fixture
        whose value holds a thread: until that one ends, it is the fixture's. ``let_go`` is called
        where there are some, with the oldest generation that is to be collected: what has held the
        end of a thread's owner off until now is to go.
        """
        starts = [self.noted.popleft() for _ in range(len(self.noted))]
        alive = {id(thread) for thread in threading.enumerate()}
        found: list[Leaked] = []
        for start in starts:
            thread = start.thread()
            if thread is None or id(thread) not in alive or is_frameworks(thread):
                continue
            if is_live(start.owner) or is_live(start.keeper):
                self.noted.append(start)
            elif start.owner == test or start.keeper or not isinstance(start.owner, str):
                found.append(Leaked(thread, start))
        found = [one for one in found if self._is_users(one.start)]
        if found:
            # a suite that leaks in each of its tests would pay for each
            are_known = all(self._line(one) in self._known for one in found)
            let_go(1 if are_known else 2)
        return [one for one in self._wait(found) if not self._is_kept(one, keeper_of)]

    def _is_kept(self, one: Leaked, keeper_of: Callable[[threading.Thread], object]) -> bool:
        """Whether a fixture's value holds the thread: it is looked at again when that has ended."""
        keeper = keeper_of(one.thread)
        if keeper is not None:
            self.noted.append(one.start._replace(keeper=keeper))
        return keeper is not None

    def was_made_under(self, permit: object) -> bool:
        """Whether a thread was started under a permission, and is alive."""
        alive = {id(thread) for thread in threading.enumerate()}
        return any(start.permit is permit and id(start.thread()) in alive for start in self.noted)

    def _is_users(self, start: Start) -> bool:
        """Whether code of the user's, or what that called, started it: no plugin of pytest's."""
        return any(
            self._origins.is_users(frame[0]) for frame in self._origins.of_test(start.frames)
        )

    def _line(self, one: Leaked) -> RawFrame | None:
        return self._origins.users_frame(one.start.frames)

    def _wait(self, found: Iterable[Leaked]) -> Iterator[Leaked]:
        """Those that do not end in time; the thread that runs the tests is never among them."""
        now = time.monotonic()
        for one in found:
            line = self._line(one)
            grace = SHORT_GRACE if line in self._known else GRACE
            if one.thread is threading.current_thread():
                continue
            # not its own: a class may have another idea of join
            threading.Thread.join(one.thread, max(0.0, now + grace - time.monotonic()))
            if threading.Thread.is_alive(one.thread):
                self._known.add(line)
                yield one


# -- wording -------------------------------------------------------------------------------------


def finding(origins: Origins, leaked: Leaked, place: Place, starter: str | None) -> Finding:
    """The finding in words; ``starter`` is the wider fixture that started it, in words."""
    thread, start = leaked
    own, function = telling_name(thread)
    name = safe.name(own or function)
    whose = "" if starter is None else f", which {starter} started,"
    return Finding(
        kind=Kind.LEAKED_THREAD,
        place=place,
        origin=_origin(origins, start),
        what=f"the thread `{name}`",
        summary=f"the thread `{name}`{whose} is still alive",
        details=tuple(_details(origins, thread, name)),
        mend=("tell it to stop where the test, or what it tests, ends, and join it",),
    )


def _origin(origins: Origins, start: Start) -> Origin | None:
    return origins.locate(origins.of_test(start.frames))


def _details(origins: Origins, thread: threading.Thread, name: str) -> Iterator[str]:
    target = safe.name(telling_name(thread)[1])
    if target != name:
        yield f"it runs `{target}`"
    frames = frames_of(thread)
    is_users = any(origins.is_users(frame[0]) for frame in frames)
    where = origins.locate(frames) if is_users else None
    if where is not None:
        yield f"it is at {where} in {where.function}: {where.source}"
