"""The objects that were made since a moment, at a cost that follows them and not the heap.

Problem: a coroutine that something holds never warns in time, and walking the heap after each
test costs more than the tests.
Approach: ``gc.freeze()`` followed at once by ``gc.unfreeze()`` puts all that exists into the
oldest generation in no time, so the two young ones hold just what is made from then on. What an
collection is about to promote is noted in a ``gc.callbacks`` entry before it goes: by its id, and
by what belongs to it alone, a coroutine's ``cr_origin``. While something else than the note refers
to that, it is alive, and the heap is walked for its id. There is no weak reference: a collection
begins anywhere, also where an object is being finalised and its weak references are cleared.
Limits: a suite so watched has no automatic full collections, so `YoungObjects` does them, by the
interpreter's own rule (a quarter of the heap is new). Where planted coroutines are not seen as they
should, `AllObjects` walks the heap: slower, the same answer. Seen on CPython 3.11 to 3.15.
What it looks through it shows to `births` as well.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import compress
from types import CoroutineType
from typing import Any

from ...own import gc, sys
from .births import Births
from .swallowed import interrupt_main, signals_behind

_FULL_COLLECTION_AT_LEAST = 100_000
_WHILE_PUT_OFF = 50_000  # objects of the youngest generation
_FROZEN_BY_PYTHON = gc.get_freeze_count()  # CPython 3.12 starts with some hundreds
_MANY_PROMOTED = 10_000
# what `sys.getrefcount` says of what nothing but a dict refers to
[_ALONE] = map(sys.getrefcount, {0: object()}.values())


class YoungObjects:
    """What was made since the last `renew`, of the wanted types.

    ``is_pending(object)`` says of an object of a wanted type whether it matters: only such ones
    are kept in sight when a collection promotes them.
    """

    name = "young generations"

    def __init__(self, wanted: frozenset[type], is_pending: Callable[[Any], bool]) -> None:
        self.wanted = wanted
        self.births = Births(lambda: None)
        self._is_pending = is_pending
        # id -> what belongs to the object of this id alone, or None where there is no such thing
        self._promoted: dict[int, object] = {}
        self._many = _MANY_PROMOTED  # how many there are before the dead ones are let go of
        self._is_open = False
        self._callback = self._note_promotions  # one object, to be found again
        self._new_since_look = 0
        self._blocks_at_full: int | None = None
        self._thresholds: tuple[int, int, int] | None = None  # the interpreter's, while put off

    def open(self) -> None:
        """Begin to watch: all that exists now is old."""
        for window in _open_windows():
            window._note_young()
        self._is_open = True
        gc.callbacks.append(self._callback)
        self._age()

    def close(self) -> None:
        """Cease to watch."""
        self._is_open = False
        self._heed(False)
        self._promoted.clear()
        self.births.clear()
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

    def pass_over(self) -> None:
        """What was made since `renew` is nobody's who is watched: it is old from here on as well.

        It is not looked through, nor collected before the next full collection.
        """
        if not self._promoted and gc.get_freeze_count() <= _FROZEN_BY_PYTHON:
            self._count()
            self._age()

    def _age(self) -> None:
        if gc.get_freeze_count() > _FROZEN_BY_PYTHON:
            self.collect()  # a gc.freeze() of somebody's own: thawing would undo it
        else:
            gc.freeze()
            gc.unfreeze()
        self._promoted.clear()

    def has_noted(self, thing: Any) -> bool:
        """Whether a wanted object that is pending is young, or was when it was promoted."""
        return id(thing) in self._promoted or any(one is thing for one in self._young())

    def pending(self) -> list[Any]:
        """The wanted objects that were made since `renew`, are alive, and are pending."""
        found = self._young()
        if self._promoted and self._is_any_promoted_alive():
            seen = set(map(id, found))
            others = self._pending_among(gc.get_objects())
            found += [one for one in others if id(one) in self._promoted and id(one) not in seen]
        return found

    def collect(self) -> None:
        """Collect what was made since `renew` and is garbage now."""
        self._count()
        self.births.forget()
        # what this collection promotes is looked at by those who ask for it
        self._heed(False)
        try:
            self._new_since_look -= gc.collect(1)
        finally:
            self._heed(self._is_open)  # also where somebody has cleared the list meanwhile

    def _heed(self, is_heard: bool) -> None:
        """Hear of collections, or hear of them no more."""
        if is_heard:
            gc.callbacks.append(self._callback)
        elif self._callback in gc.callbacks:
            gc.callbacks.remove(self._callback)

    def _count(self) -> None:
        youngest, collections, _ = gc.get_count()
        self._new_since_look += youngest + collections * gc.get_threshold()[0]

    def _young(self) -> list[Any]:
        youngest, older = gc.get_objects(0), gc.get_objects(1)
        # the older ones are those that a collection of the youngest has met: most tests have none
        return self._look_at(youngest + older if older else youngest)

    def _look_at(self, things: list[Any]) -> list[Any]:
        """Those of these things that are wanted and pending; those that are born are noted."""
        # without a line of Python for each of them; nearly always there is none
        kinds = set(map(type, things))
        self.births.meet(kinds, things)
        return [] if self.wanted.isdisjoint(kinds) else self._pending_among(things)

    def _pending_among(self, things: list[Any]) -> list[Any]:
        wanted = compress(things, map(self.wanted.__contains__, map(type, things)))
        return list(filter(self._is_pending, wanted))

    def _note_promotions(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            try:
                self.births.forget()
                if info["generation"] > 0:
                    self._count()
                    self._note_young()
            except BaseException as error:
                numbers = signals_behind(error)
                if not numbers:
                    raise
                [*map(interrupt_main, numbers)]

    def _note_young(self) -> None:
        for thing in self._young():
            self._promoted[id(thing)] = _own(thing)
        if len(self._promoted) > self._many:
            # one list, made without a line of Python: other threads look and forget meanwhile
            counts = map(sys.getrefcount, self._promoted.values())
            for key, count in list(zip(self._promoted, counts, strict=False)):
                if count <= _ALONE and self._promoted.get(key) is not None:
                    self._promoted.pop(key, None)
            self._many = max(_MANY_PROMOTED, 2 * len(self._promoted))

    def _is_any_promoted_alive(self) -> bool:
        # without a line of Python, as a collection in another thread may note more of them
        counts = map(sys.getrefcount, self._promoted.values())
        return None in self._promoted.values() or any(map(_ALONE.__lt__, counts))

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
        self._old = {id(thing): _own(thing) for thing in self._young()}

    def pending(self) -> list[Any]:
        """The wanted objects that were made since `renew`, are alive, and are pending."""
        return [thing for thing in self._young() if not self._is_old(thing)]

    def collect(self) -> None:
        """Collect all garbage."""
        gc.collect()

    def pass_over(self) -> None:
        """Nothing: to look is the cost here, and it is one look for each test as it is."""

    def _is_old(self, thing: object) -> bool:
        # one that has nothing of its own may be taken for another of its id, which is dead
        return id(thing) in self._old and self._old[id(thing)] is _own(thing)

    def _young(self) -> list[Any]:
        return self._look_at(gc.get_objects())

    def _note_young(self) -> None:
        pass


def _own(thing: Any) -> object | None:
    """What belongs to a thing alone and is as old: the tuple of the frames that made a coroutine.

    None where frames are not tracked, and for other things.
    """
    return (thing.cr_origin or None) if type(thing) is CoroutineType else None


def _open_windows() -> list[YoungObjects]:
    owners = (getattr(callback, "__self__", None) for callback in gc.callbacks)
    return [owner for owner in owners if isinstance(owner, YoungObjects)]


async def _planted() -> None: ...


def choose_window(wanted: frozenset[type], is_pending: Callable[[Any], bool]) -> YoungObjects:
    """A window that sees planted coroutines on this interpreter: the fast one where it does.

    It has to see those that are made in it, also after collections, and those alone.
    """
    window = YoungObjects(wanted, is_pending)
    return window if _sees(window) else AllObjects(wanted, is_pending)


def _sees(window: YoungObjects) -> bool:
    old, new = _planted(), None
    try:
        window.open()
        new = _planted()
        for generation in (None, 0, 1):
            if generation is not None:
                gc.collect(generation)
            # not `pending`, which walks over the whole heap for what was promoted
            if not window.has_noted(new) or window.has_noted(old):
                return False
        return True
    except (TypeError, ValueError):  # no such generation
        return False
    finally:
        old.close()
        if new is not None:
            new.close()
        window.close()
