"""The private name of asyncio's callbacks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from anyrig.seams.asyncio import loop_of


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop that does not run."""
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def test_handle_has__loop(loop: asyncio.AbstractEventLoop) -> None:
    """A callback's ``asyncio.Handle`` knows its loop by ``_loop``."""
    handle: Any = loop.call_soon(print)
    assert handle._loop is loop


def test_loop_of_a_callback(loop: asyncio.AbstractEventLoop) -> None:
    """The loop is told of what is to be called soon, and of what is to be called later."""
    assert loop_of(loop.call_soon(print)) is loop
    assert loop_of(loop.call_later(9, print)) is loop


def test_loop_of_a_handle_that_does_not_say(loop: asyncio.AbstractEventLoop) -> None:
    """Where the handle holds something else, or nothing, no loop is told."""
    handle: Any = loop.call_soon(print)
    handle._loop = "something else"
    assert loop_of(handle) is None
    del handle._loop
    assert loop_of(handle) is None
