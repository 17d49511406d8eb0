"""The objects that were made since a moment, at a cost that follows them and not the heap.

Problem: a coroutine that something holds never warns in time, and walking the heap after each
test costs more than the tests.
Approach: ``gc.freeze()`` followed at once by ``gc.unfreeze()`` puts all that exists into the
oldest generation in no time, so the two young ones hold just what is made from then on. What an
automatic collection is about to promote is noted in a ``gc.callbacks`` entry before it goes.
Limits: a suite so watched has no automatic full collections, so `YoungObjects` does them, by the
interpreter's own rule (a quarter of the heap is new). Where a planted coroutine is not seen this
way, `AllObjects` walks the heap: slower, the same answer. Seen on CPython 3.11 to 3.13.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import compress
from typing import Any

from ...own import gc, sys, weakref

_FULL_COLLECTION_AT_LEAST = 100_000
_WHILE_PUT_OFF = 50_000  # objects of the youngest generation
_FROZEN_BY_PYTHON = gc.get_freeze_count()  # CPython 3.12 starts with some hundreds


class YoungObjects:
    """What was made since the last `renew`, of the wanted types.

    ``is_pending(object)`` says of an object of a wanted type whether it matters: only such ones
    are kept in sight when a collection promotes them.
    """

    name = "young generations"

    def __init__(self, wanted: frozenset[type], is_pending: Callable[[Any], bool]) -> None:
        self.wanted = wanted
        self._is_pending = is_pending
        self._promoted: list[Callable[[], object | None]] = []
        self._callback = self._note_promotions  # one object, to be found again
        self._new_since_look = 0
        self._blocks_at_full: int | None = None
        self._thresholds: tuple[int, int, int] | None = None  # the interpreter's, while put off

    def open(self) -> None:
        """Begin to watch: all that exists now is old."""
        for window in _open_windows():
            window._note_promotions("start", {"generation": 2})
        gc.callbacks.append(self._callback)
        self._age()

    def close(self) -> None:
        """Cease to watch."""
        if self._callback in gc.callbacks:
            gc.callbacks.remove(self._callback)
        self._promoted.clear()
        self.resume()

    def put_off(self) -> None:
        """Put automatic collections off until `resume`: nearly all that is made lives on.

        For the collection of tests; what is garbage there waits for the first test's end.
        """
        thresholds = gc.get_threshold()
        if 0 < thresholds[0] < _WHILE_PUT_OFF:
            self._thresholds = thresholds
            gc.set_threshold(_WHILE_PUT_OFF, *thresholds[1:])

    def resume(self) -> None:
        """Have automatic collections as before, unless somebody has set another threshold."""
        if self._thresholds is not None and gc.get_threshold()[0] == _WHILE_PUT_OFF:
            gc.set_threshold(*self._thresholds)
        self._thresholds = None

    def renew(self) -> None:
        """Collect, and all that is left is old from here on; full collections are made when due."""
        self.collect()
        self._age()
        if self._new_since_look > _FULL_COLLECTION_AT_LEAST:
            self._collect_all_if_due()

    def _age(self) -> None:
        if gc.get_freeze_count() > _FROZEN_BY_PYTHON:
            self.collect()  # a gc.freeze() of somebody's own: thawing would undo it
        else:
            gc.freeze()
            gc.unfreeze()
        self._promoted.clear()

    def pending(self) -> list[Any]:
        """The wanted objects that were made since `renew`, are alive, and are pending."""
        found = self._young()
        if self._promoted:
            promoted = (alive() for alive in self._promoted)
            found += [thing for thing in promoted if thing is not None and self._is_pending(thing)]
        return found

    def collect(self) -> None:
        """Collect what was made since `renew` and is garbage now."""
        self._count()
        # what this collection promotes is looked at by those who ask for it
        is_heard = self._callback in gc.callbacks
        if is_heard:
            gc.callbacks.remove(self._callback)
        self._new_since_look -= gc.collect(1)
        if is_heard:
            gc.callbacks.append(self._callback)

    def _count(self) -> None:
        youngest, collections, _ = gc.get_count()
        self._new_since_look += youngest + collections * gc.get_threshold()[0]

    def _young(self) -> list[Any]:
        return self._pending_among(gc.get_objects(0) + gc.get_objects(1))

    def _pending_among(self, things: list[Any]) -> list[Any]:
        # without a line of Python for each of them
        wanted = compress(things, map(self.wanted.__contains__, map(type, things)))
        return list(filter(self._is_pending, wanted))

    def _note_promotions(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start" and info["generation"] > 0:
            self._count()
            self._promoted.extend(_keep_sight(thing) for thing in self._young())

    def _collect_all_if_due(self) -> None:
        # what was counted as new may be gone by now, by its references alone; blocks of memory
        # are counted without a walk over the heap, and an object with its names is two of them.
        # They too take longer to count where there are more, so this is asked seldom
        blocks = sys.getallocatedblocks()
        if self._blocks_at_full is None:
            self._blocks_at_full = blocks - 2 * self._new_since_look
        self._new_since_look = 0
        due = max(_FULL_COLLECTION_AT_LEAST, self._blocks_at_full // 8)
        if (blocks - self._blocks_at_full) // 2 > due:
            gc.collect()
            self._blocks_at_full = sys.getallocatedblocks()


class AllObjects(YoungObjects):
    """The same answer from a walk over the whole heap, for interpreters with other generations."""

    name = "whole heap (slower)"

    def _age(self) -> None:
        self._old = {id(thing): _keep_sight(thing) for thing in self._young()}

    def pending(self) -> list[Any]:
        """The wanted objects that were made since `renew`, are alive, and are pending."""
        return [thing for thing in self._young() if not self._is_old(thing)]

    def collect(self) -> None:
        """Collect all garbage."""
        gc.collect()

    def _is_old(self, thing: object) -> bool:
        old = self._old.get(id(thing))
        return old is not None and old() is thing

    def _young(self) -> list[Any]:
        return self._pending_among(gc.get_objects())

    def _note_promotions(self, phase: str, info: dict[str, int]) -> None:
        pass


def _keep_sight(thing: Any) -> Callable[[], object | None]:
    try:
        return weakref.ref(thing)
    except TypeError:  # the methods of async generators: kept until the window is renewed
        return lambda: thing


def _open_windows() -> list[YoungObjects]:
    owners = (getattr(callback, "__self__", None) for callback in gc.callbacks)
    return [owner for owner in owners if isinstance(owner, YoungObjects)]


async def _planted() -> None: ...


def choose_window(wanted: frozenset[type], is_pending: Callable[[Any], bool]) -> YoungObjects:
    """A window that sees a planted coroutine on this interpreter: the fast one where it does."""
    window = YoungObjects(wanted, is_pending)
    window.open()
    coroutine = _planted()
    try:
        if any(thing is coroutine for thing in window.pending()):
            return window
    finally:
        coroutine.close()
        window.close()
    return AllObjects(wanted, is_pending)
