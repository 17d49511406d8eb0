"""Where the objects were made that may be heard of late: those with a ``__del__``, and event loops.

Problem: a ``__del__`` runs in whichever test drops the last reference, or in which a collection
runs, and that test has nothing to do with what goes wrong there.
Approach: whoever looks through the young objects has those noted by a weak reference, with a mark
of the moment. What is not noted when its ``__del__`` runs was made since the last look. While a
``__del__`` runs for want of references, weak ones still answer; a collection has cleared them
before, and has said so by ``gc.is_finalized``, which the other way says so only after. Weak
references may be made at any moment: what is made to an object of a class of Python's whose
``__del__`` runs is cleared after it.
Limits: an object that takes no weak references, or that no collection looks at, is never noted. A
``__del__`` that is not written in Python is none of ours. Seen on CPython 3.11 to 3.15.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Callable, Collection
from itertools import compress
from types import FunctionType
from typing import Any

from ...own import gc, sys, weakref

FINALISER = "__del__"
# a class's own, whatever its metaclass makes of the name
_MRO, _NAMES, _MODULE, _QUALNAME, _FLAGS = (
    vars(type)[f"__{name}__"].__get__ for name in ("mro", "dict", "module", "qualname", "flags")
)
_MADE_AT_RUN_TIME = 1 << 9  # of the flags: the class may be gone tomorrow


class _Birth(weakref.ref):  # type: ignore[type-arg]
    """A weak reference that knows whose it is when that has died."""

    __slots__ = ("key", "mark")

    key: int
    mark: object


class Births:
    """Notes what `meet` is shown, each object once, with what ``mark()`` says at that moment."""

    def __init__(self, mark: Callable[[], object]) -> None:
        self._mark = mark
        # id -> the object of that id, until it is dead and `forget` was called
        self._noted: dict[int, _Birth] = {}
        self._dead: deque[_Birth] = deque()
        self._die = self._dead.append  # in C: a weak reference's callback runs at any moment
        self._plain: set[type] = set()  # classes of modules that are nothing to note

    def meet(self, kinds: set[type], things: Collection[Any]) -> None:
        """Note those of these things, which are of these kinds, that may be heard of late."""
        if self._dead:
            self.forget()
        late = {kind for kind in kinds - self._plain if self._is_late(kind)}
        if late:
            for thing in compress(things, map(late.__contains__, map(type, things))):
                self._note(thing)

    def _is_late(self, kind: type) -> bool:
        for one in _MRO(kind):
            found = _NAMES(one).get(FINALISER)
            if type(found) is FunctionType or one is AbstractEventLoop:
                return True
            if found is not None:
                break
        if not _FLAGS(kind) & _MADE_AT_RUN_TIME or _is_named(kind):
            self._plain.add(kind)
        return False

    def _note(self, thing: Any) -> None:
        noted = self._noted.get(id(thing))
        if noted is not None and noted() is thing:
            return
        try:
            birth = _Birth(thing, self._die)
        except TypeError:  # it takes none
            return
        birth.key, birth.mark = id(thing), self._mark()
        self._noted[id(thing)] = birth

    def forget(self) -> None:
        """Let go of what has died: its id may be another's by now.

        To be called before each collection: what that one clears is known by its id.
        """
        while self._dead:
            birth = self._dead.popleft()
            if self._noted.get(birth.key) is birth:
                self._noted.pop(birth.key, None)

    def mark_of(self, thing: object) -> object | None:
        """The mark that an object was noted with; None for one that was made since the last look.

        To be asked while its ``__del__`` runs, or while it lives.
        """
        birth = self._noted.get(id(thing))
        if birth is None:
            return None
        noted = birth()
        is_it = noted is thing or (noted is None and gc.is_finalized(thing))
        return birth.mark if is_it else None

    def marks(self) -> set[object]:
        """The marks of all that is noted and alive."""
        return {birth.mark for birth in list(self._noted.values()) if birth() is not None}

    def clear(self) -> None:
        """Let go of everything."""
        self._noted.clear()
        self._dead.clear()
        self._plain.clear()


def _is_named(kind: type) -> bool:
    """Whether a module names a class: it stays."""
    module, name = _MODULE(kind), _QUALNAME(kind)
    names = vars(sys.modules.get(module, sys)) if isinstance(module, str) else {}
    return names.get(name) is kind
