"""What happens in another thread while it is looked for who holds a thing."""

from __future__ import annotations

import asyncio
import weakref
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from anyrig.checks.lost_exception import LostExceptions, _Held
from anyrig.checks.missed_await import MissedAwaits, _Alive
from anyrig.findings import Phase, Place
from anyrig.holders import Held, Holder, Recognise
from anyrig.origins import Origins

PLACE = Place("test_it.py::test_it", Phase.CALL)
KEPT: list[Any] = []

both = pytest.mark.parametrize("comes", [False, True], ids=["nobody", "somebody"])


@pytest.fixture
def missed(tmp_path: Path) -> MissedAwaits:
    """The check, of a run that watches nothing."""
    return MissedAwaits(Origins(tmp_path))


def _holder(*, comes: bool) -> Recognise:
    """Recognises `KEPT`; somebody may come for what is in it just then."""

    def recognise(referrer: object) -> Holder | None:
        if referrer is not KEPT:
            return None
        if comes:
            with suppress(StopIteration):
                getattr(KEPT[0], "exception", lambda: KEPT[0].send(None))()
        return Holder(Held.GLOBAL, "the global `KEPT`")

    return recognise


@both
def test_coroutine_that_is_awaited_meanwhile_is_not_missed(
    missed: MissedAwaits, comes: bool
) -> None:
    """A coroutine that another thread runs while its holder is looked for is no missed await."""

    async def save() -> None: ...

    KEPT[:] = [save()]
    try:
        missed.alive[1] = _Alive(weakref.ref(KEPT[0]), None, PLACE)
        judged = missed.judge(_holder(comes=comes), lambda place: True, lambda holder: False)
        assert len(judged) == (0 if comes else 1)
        assert bool(missed.alive) is not comes
    finally:
        KEPT.pop().close()


@both
def test_exception_that_is_asked_for_meanwhile_is_not_lost(
    missed: MissedAwaits, comes: bool
) -> None:
    """A future that another thread asks while its holder is looked for has lost nothing."""
    loop = asyncio.new_event_loop()
    try:
        future = loop.create_future()
        future.set_exception(ValueError("no"))
        KEPT[:] = [future]
        lost = LostExceptions(missed)
        lost.held[1] = _Held(weakref.ref(future), PLACE, None)
        lost.judge(_holder(comes=comes), lambda place: True, lambda holder: False)
        assert len(lost.drain()) == (0 if comes else 1)
        future.exception()
    finally:
        KEPT.clear()
        loop.close()
