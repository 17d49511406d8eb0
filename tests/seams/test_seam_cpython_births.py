"""Which objects are noted with where they were made, and what is known of one that dies."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from anyrig.backends import BACKENDS
from anyrig.seams.cpython.births import Births
from anyrig.seams.cpython.young import YoungObjects

Ends = Callable[[Any], None]


class Dies:
    """Asks what is known of it while its ``__del__`` runs."""

    itself: Any = None

    def __init__(self, births: Births, heard: list[object]) -> None:
        self.births = births
        self.heard = heard

    def __del__(self) -> None:
        self.heard.append(self.births.mark_of(self))


class Slotted(Dies):
    __slots__ = ("other",)


class Watched(Dies):
    """One whose weak references have callbacks, too."""

    def __init__(self, births: Births, heard: list[object]) -> None:
        super().__init__(births, heard)
        self.ref = weakref.ref(self, lambda ref: None)


@pytest.fixture
def marks() -> list[str]:
    """What a look marks the new objects with: the last of them."""
    return ["first"]


@pytest.fixture
def births(marks: list[str]) -> Iterator[Births]:
    """Told of each collection, as the window tells it."""
    births = Births(lambda: marks[-1])

    def forget(phase: str, info: object) -> None:
        births.forget()

    gc.callbacks.append(forget)
    yield births
    gc.callbacks.remove(forget)


def look(births: Births, *things: object) -> None:
    """Look through these, as the window does."""
    births.meet(set(map(type, things)), things)


@pytest.mark.parametrize("kind", [Dies, Slotted, Watched])
@pytest.mark.parametrize("is_cycle", [False, True], ids=["references", "collection"])
def test_what_was_noted_is_known_as_it_dies(
    births: Births, marks: list[str], kind: type[Dies], is_cycle: bool
) -> None:
    """By its references or in a collection: its own mark, once; and none for a new one."""
    heard: list[object] = []
    for expected in ("first", None):
        one: Any = kind(births, heard)
        if is_cycle:
            one.itself = one
        if expected:
            look(births, one)
            marks.append("second")
            look(births, one)
        del one
        gc.collect()
        assert heard.pop() == expected
        assert heard == []


def test_id_of_the_dead_says_nothing(births: Births) -> None:
    """An object that has got the place in memory of one that was noted is not that one."""
    heard: list[object] = []
    old = [Dies(births, heard) for _ in range(500)]
    look(births, *old)
    known = set(map(id, old))
    del old
    new = next(one for one in [Dies(births, heard) for _ in range(500)] if id(one) in known)
    assert births.mark_of(new) is None
    new.itself = new
    heard.clear()
    del new
    gc.collect()
    assert heard == [None]


def test_dead_ones_are_let_go_of(births: Births) -> None:
    """No mark stays of what has died."""
    kept = [Dies(births, []) for _ in range(3)]
    look(births, *kept)
    assert births.marks() == {"first"}
    kept.clear()
    assert births.marks() == set()
    look(births)
    assert vars(births)["_noted"] == {}


def test_who_has_a_finaliser_in_python_is_noted(births: Births) -> None:
    """A class's own, an inherited one, a loop; no generator, no lock."""

    class Inherits(Dies):
        pass

    class Local:
        def __del__(self) -> None:
            pass

    class Plain:
        pass

    class WithoutReferences:
        __slots__ = ("itself",)

        def __del__(self) -> None:
            pass

    kept = [Inherits(births, []), Local()]
    rest = [Plain(), WithoutReferences(), (n for n in "x"), threading.Lock(), {}]
    look(births, *kept, *rest)
    assert [births.mark_of(one) for one in kept] == ["first"] * 2
    assert [births.mark_of(one) for one in rest] == [None] * len(rest)
    look(births, *kept, *rest)
    assert Plain not in vars(births)["_plain"]
    assert dict in vars(births)["_plain"]


@pytest.mark.parametrize("backend", ["asyncio", "asyncio+uvloop"])
def test_loops_are_noted(births: Births, backend: str) -> None:
    """Each event loop is noted, whatever it is made in."""
    if BACKENDS[backend].missing() is not None:
        pytest.skip("not installed")
    make: Any = asyncio.new_event_loop
    if backend == "asyncio+uvloop":
        import uvloop

        make = uvloop.new_event_loop
    loop = make()
    look(births, loop)
    loop.close()
    assert births.mark_of(loop) == "first"


class Hostile(type):
    """A metaclass that answers nothing."""

    def __getattribute__(cls, name: str) -> Any:
        raise RuntimeError("asked")


def test_nothing_is_asked_of_a_metaclass(births: Births) -> None:
    """What a class's metaclass makes of its names does not matter."""
    make: Any = Hostile("Thing", (), {"__module__": 1})
    one = type.__call__(make)
    look(births, one)
    assert births.mark_of(one) is None


def test_window_lets_go_of_the_dead_before_each_collection() -> None:
    """Whichever generation is collected, and also before its own: an id may be another's then."""
    window = YoungObjects(frozenset(), bool)
    note: Callable[[str, dict[str, int]], None] = vars(window)["_callback"]
    begins: list[Callable[[], None]] = [partial(note, "start", {"generation": 0}), window.collect]
    for begin in begins:
        one = Dies(window.births, [])
        look(window.births, one)
        del one
        assert len(vars(window.births)["_noted"]) == 1
        begin()
        assert vars(window.births)["_noted"] == {}
