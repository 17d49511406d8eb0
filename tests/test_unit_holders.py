"""Who holds a thing, asked directly."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from anyrig.holders import Held, Holder, find_holder

KEPT: list[object] = []


class Thing:
    """Something that can be held."""


class Keeper:
    """A class that keeps something."""

    kept: Thing | None = None


def _nobody(referrer: object) -> Holder | None:
    return None


def _find(thing: object) -> Holder:
    return find_holder(thing, _nobody)


def test_held_by_a_global() -> None:
    """What a module keeps is held by the module's global, by its name."""
    thing = Thing()
    KEPT.append({"deep": [thing]})
    try:
        holder = _find(KEPT[0]["deep"][0])  # type: ignore[index]
    finally:
        KEPT.clear()
    assert holder.held is Held.GLOBAL
    assert holder.words == f"the global {__name__}.KEPT"
    assert holder.owner is sys.modules[__name__]


def test_held_by_a_class() -> None:
    """What a class keeps is held by the attribute, by its name."""
    Keeper.kept = Thing()
    try:
        holder = _find(Keeper.kept)
    finally:
        Keeper.kept = None
    assert (holder.held, holder.words) == (Held.CLASS, "the class attribute Keeper.kept")
    assert holder.owner is Keeper


def test_recognised_first() -> None:
    """What the caller recognises comes before everything else."""
    shelf = [Thing()]
    told = Holder(Held.FIXTURE, "the fixture `shelf`", shelf)
    assert find_holder(shelf[0], lambda one: told if one is shelf else None) is told


def test_held_by_a_thread() -> None:
    """An argument of a thread is held by the thread, by its name."""
    thread = threading.Thread(target=print, args=(Thing(),), name="worker")
    holder = _find(thread._args[0])  # type: ignore[attr-defined]
    assert (holder.held, holder.words) == (Held.THREAD, "the thread worker")
    assert holder.owner is thread


def test_held_by_a_callback_of_a_loop() -> None:
    """What a loop has yet to call is held by the loop."""
    loop = asyncio.new_event_loop()
    try:
        handle = loop.call_soon(print, Thing())
        holder = _find(handle._args[0])
        assert holder.held is Held.SCHEDULER
        assert holder.owner is loop
        handle.cancel()
    finally:
        loop.close()


def test_held_by_a_task() -> None:
    """The coroutine of a task is held by the task, by its name."""

    async def main() -> Holder:
        task = asyncio.create_task(asyncio.sleep(0), name="worker")
        holder = _find(task.get_coro())
        await task
        return holder

    holder = asyncio.run(main())
    assert (holder.held, holder.words) == (Held.SCHEDULER, "the task worker")


def test_held_by_a_frame_of_an_error() -> None:
    """A local of a function that ended in an exception is held by its frame."""

    def fails() -> None:
        thing = Thing()
        raise ValueError(id(thing))

    with pytest.raises(ValueError, match=r"\d") as caught:
        fails()
    thing = caught.tb.tb_next.tb_frame.f_locals["thing"]  # type: ignore[union-attr]
    holder = _find(thing)
    assert holder.held in (Held.FRAME, Held.OTHER)


@pytest.mark.parametrize("make", [Thing, lambda: [Thing()][0]])
def test_held_by_nothing_that_can_be_seen(make: Callable[[], Any]) -> None:
    """A thing that no collected object refers to is held by what the collector can't see."""
    thing = make()
    del make
    holder = _find(thing)
    assert holder.held in (Held.OTHER, Held.FRAME)


def test_mock_with_a_spec_is_not_what_it_stands_for() -> None:
    """A mock that says it is a task, or a thread, is none."""
    from unittest.mock import MagicMock

    keeper = MagicMock(spec=threading.Thread)
    keeper.kept = Thing()
    assert _find(keeper.kept).held is not Held.THREAD


def test_endless_chain_ends() -> None:
    """A chain of holders that is longer than the limit ends in an answer."""
    chain: list[object] = [Thing()]
    first = chain[0]
    for _ in range(100):
        chain = [chain]
    assert _find(first).held in (Held.OTHER, Held.FRAME)
