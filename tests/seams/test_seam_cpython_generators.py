"""The hooks of async generators, as the interpreter and the loops have them."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any

from anyrig.seams.cpython.generators import Dropped, GeneratorHooks


async def _rows() -> AsyncGenerator[int]:
    try:
        yield 1
        yield 2
    finally:
        pass


class _Heard:
    def __init__(self) -> None:
        self.dropped: list[Dropped] = []
        self.hooks = GeneratorHooks(self.note, lambda: "token")

    def note(self, dropped: Dropped) -> bool:
        self.dropped.append(dropped)
        return True


def _step(generator: Any) -> None:
    """One step; what is called by hand is kept by the run's own watch where nothing warns."""
    with suppress(StopIteration, StopAsyncIteration):
        generator.asend(None).send(None)


def test_generator_that_dies_in_the_middle() -> None:
    """It is known where it stood and who took its first step, without a loop as well."""
    heard = _Heard()
    with heard.hooks.entered():
        generator = _rows()
        _step(generator)
        del generator
        gc.collect()
    (dropped,) = heard.dropped
    assert (dropped.name, dropped.token) == ("_rows", "token")
    assert dropped.lineno == _rows.__code__.co_firstlineno + 2
    functions = [frame[2] for frame in dropped.begun]
    here = functions.index("test_generator_that_dies_in_the_middle")
    assert functions[here - 1] == "_step"


def test_what_is_not_told() -> None:
    """Nothing is told of one that ended, never began, began outside, or was forgotten."""
    heard = _Heard()
    before = _rows()
    _step(before)
    with heard.hooks.entered():
        del before
        ended = _rows()
        for _ in range(3):
            _step(ended)
        del ended
        _rows()
        forgotten = _rows()
        _step(forgotten)
        heard.hooks.forget()
        del forgotten
    assert heard.dropped == []


def test_hooks_that_were_there_are_called_and_put_back() -> None:
    """Those of the loop hear of each generator, too, and are the thread's again afterwards."""
    calls: list[str] = []
    heard = _Heard()
    before = sys.get_asyncgen_hooks()

    def firstiter(generator: object) -> None:
        calls.append("first")

    def finalizer(generator: object) -> None:
        calls.append("last")

    sys.set_asyncgen_hooks(firstiter, finalizer)
    try:
        with heard.hooks.entered():
            generator = _rows()
            _step(generator)
            del generator
        gc.collect()
        assert sys.get_asyncgen_hooks() == (firstiter, finalizer)
    finally:
        sys.set_asyncgen_hooks(*before)
    assert calls == ["first", "last"]
    assert len(heard.dropped) == 1


def test_asyncio_sets_its_hooks_at_each_run() -> None:
    """A loop's hooks are there while it runs, and are taken away when it stops."""
    seen: list[Any] = []

    async def main() -> None:
        seen.append(sys.get_asyncgen_hooks())

    outside = sys.get_asyncgen_hooks()
    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    assert sys.get_asyncgen_hooks() == outside
    assert seen[0] != outside
    loop.close()
