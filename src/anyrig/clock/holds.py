"""What keeps virtual time from moving: all that could still make something happen without it.

Problem: a timeout must not come because a clock has jumped over a thread that was at work for it.
Approach: before each jump all threads are looked at, and all descriptors that the loop waits for.
What was begun for the test and will end (a call in a worker thread, a subprocess) holds it, but not
for longer than the next timer would have taken in real time: such a call may wait for what comes
after that timer. What may do something or never (a thread of its own, a socket of another process)
holds it for `patience` real seconds of a standstill, and then no more in this test; so does a
subprocess, for `_MANY` times as long, for it may be a server.
Limits: a thread that waits for another one without a timeout holds nothing: the other one does.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from math import inf
from typing import NamedTuple

from ..known import without_known
from ..own import threading, time
from ..seams.cpython import stacks
from ..seams.cpython.stacks import Doing
from .descriptors import Other, identity, other_end, polled

PATIENCE = 1.0  # seconds
_MANY = 10
_SHORTEST, _LONGEST = 0.0005, 0.02  # seconds between two looks

# a thread and what it does, in words
Describe = Callable[[int, Doing], str]


class Hold(NamedTuple):
    """One thing that keeps time from moving."""

    key: Hashable
    words: Callable[[], str]
    patience: float = inf  # real seconds, in the whole test
    is_call: bool = False  # whether it ends by itself


class Holds:
    """What keeps the time of one test."""

    def __init__(
        self,
        known_threads: Callable[[], frozenset[int]],
        describe: Describe,
        patterns: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        self._known_threads = known_threads
        self._patterns = patterns  # of more of them
        self._describe = describe
        self.patience = PATIENCE
        self._waited: dict[Hashable, float] = {}  # real seconds of a standstill, for each hold
        self._last: float | None = None  # when the last look was, of this standstill
        self._still = 0.0  # how long this one has lasted
        self._pause = _SHORTEST
        self._others: dict[Hashable, Other | None] = {}
        self._before: frozenset[Hashable] = frozenset()  # what was there when the test began
        self._named: list[str] = []
        self._descriptors: Callable[[], Iterable[int]] = tuple
        self._calls: Callable[[], int] = int

    def begin(self, descriptors: Callable[[], Iterable[int]], calls: Callable[[], int]) -> None:
        """A loop begins to follow the time of the test."""
        self._descriptors, self._calls = descriptors, calls
        threads = (key for key, *_ in self._at_work())
        self._before |= {*threads, *map(identity, descriptors())}

    @contextmanager
    def named(self, words: str) -> Iterator[None]:
        """Hold the time while entered: somebody waits for something in real time."""
        self._named.append(words)
        try:
            yield
        finally:
            self._named.remove(words)

    def has_threads(self) -> bool:
        """Whether another thread is at work."""
        return bool(self._found())

    def look(self, distance: float) -> float:
        """How many real seconds to wait before the next look; 0 where nothing holds the time.

        The distance is that to the next timer, in virtual seconds.
        """
        holds = self._holding(distance)
        if not holds:
            self._last, self._still, self._pause = None, 0.0, _SHORTEST
            return 0
        now = time.perf_counter()
        if self._last is not None:
            # of what ran since then, at most two pauses were a standstill
            passed = min(now - self._last, 2 * self._pause)
            self._still += passed
            for hold in holds:
                self._waited[hold.key] = self._waited.get(hold.key, 0.0) + passed
            self._pause = min(2 * self._pause, _LONGEST)
        self._last = now
        return self._pause

    def words(self) -> list[str]:
        """What holds the time at this moment."""
        return [hold.words() for hold in self._holding(inf)]

    def _holding(self, distance: float) -> list[Hold]:
        threads = [*self._threads()]
        descriptors = [*self._descriptors()]
        has_calls = not threads and self._calls() > 0
        if not (threads or descriptors or has_calls or self._named):
            return []  # this is so before most jumps
        holds = [*(Hold(words, words.__str__) for words in self._named), *threads]
        if has_calls:
            holds.append(Hold("calls", lambda: "a call in an executor", is_call=True))
        # what is in this process is at the end of this loop itself, or of another thread
        holds += self._ends(descriptors, any(not one.is_call for one in threads))
        is_late = self._still >= max(self.patience, distance)
        return [
            one
            for one in holds
            if self._waited.get(one.key, 0.0) < one.patience and not (is_late and one.is_call)
        ]

    def _threads(self) -> Iterator[Hold]:
        for key, ident, doing in self._at_work():
            words = lambda ident=ident, doing=doing: self._describe(ident, doing)  # noqa: E731
            if key in self._before or doing is Doing.OTHER:
                yield Hold(key, words, self.patience)
            else:
                yield Hold(key, words, self._longest(doing is Doing.CHILD), is_call=True)

    def _at_work(self) -> list[tuple[Hashable, int, Doing]]:
        """Each thread at work: what stands for it, its number, and what it does.

        Its number goes to the next thread when it has ended, as does the system's, but later.
        """
        found = self._found()
        natives = {one.ident: one.native_id for one in threading.enumerate()} if found else {}
        return [((ident, natives.get(ident)), ident, doing) for ident, doing in found]

    def _found(self) -> list[tuple[int, Doing]]:
        found = [*stacks.at_work(self._known_threads())]
        unknown = without_known([ident for ident, _ in found], self._patterns)
        return [one for one in found if one[0] in unknown]

    def _ends(self, descriptors: list[int], has_threads: bool) -> Iterator[Hold]:
        for fd in descriptors:
            key = identity(fd)
            if key is None:
                continue
            if key not in self._others:
                self._others[key] = other_end(fd)
            other = self._others[key]
            if other is not None and other.is_poll:
                yield from self._ends(polled(fd), has_threads)
                continue
            if other is None or (other.is_here and not has_threads):
                continue
            if other.is_process and key not in self._before:
                yield Hold(key, other.words.__str__, self._longest(is_child=True), is_call=True)
            else:
                yield Hold(key, other.words.__str__, self.patience)

    def _longest(self, is_child: bool) -> float:
        return _MANY * self.patience if is_child else inf
