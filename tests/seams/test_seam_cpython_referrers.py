"""Who has a thing for an attribute, and how often the heap is walked for it."""

from __future__ import annotations

import gc
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from anyrig.seams.cpython import referrers


class Plain:
    """Something with attributes."""

    def __init__(self, thing: object) -> None:
        self.thing = thing


class Slotted:
    """Something without a dict."""

    __slots__ = ("thing",)

    def __init__(self, thing: object) -> None:
        self.thing = thing


def with_a_dict(thing: object) -> Plain:
    """One whose attributes are in a dict that somebody gave it."""
    plain = Plain(None)
    plain.__dict__ = {"thing": thing}
    return plain


@pytest.mark.parametrize("make", [Plain, Slotted, with_a_dict])
def test_instance_is_found(make: Callable[[object], Any]) -> None:
    """However an instance keeps its attributes, it is an owner of each of them."""
    thing = SimpleNamespace()
    owner = make(thing)
    assert any(found is owner for found in referrers.owners_of(thing))


def test_heap_is_walked_twice_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    """All dicts that may be instances' are asked about in one walk, and other dicts in none."""
    walks: list[int] = []

    def counted(*things: object) -> list[Any]:
        walks.append(len(things))
        return gc.get_referrers(*things)

    monkeypatch.setattr(referrers, "gc", SimpleNamespace(get_referrers=counted))
    thing = SimpleNamespace()
    by_number = dict.fromkeys(range(10), thing)
    assert not any(type(found) is Plain for found in referrers.owners_of(thing))
    assert walks == [1]
    owners = [with_a_dict(thing) for _ in range(10)]
    walks.clear()
    found = list(referrers.owners_of(thing))
    assert walks == [1, 10]
    assert {id(owner) for owner in owners} <= set(map(id, found))
    assert by_number[0] is thing
