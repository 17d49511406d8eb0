"""What ``__del__`` does: it can't await, and what it raises is lost.

It is told of the test that made the object, whichever one it is that lets go of it.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from typing import Any

import pytest
from store import save

KEPT: list[Any] = []


class Client:
    me: Any = None

    def __del__(self) -> None:
        loop = asyncio.new_event_loop()
        loop.close()
        try:
            loop.run_until_complete(save(1))  # FOUND missed_await teardown of test_in_a_cycle
        except RuntimeError:
            self.me = None


async def test_in_a_cycle() -> None:
    client = Client()
    client.me = client


class Plain:
    def __del__(self) -> None:
        save(1)  # FOUND missed_await call of test_at_once


async def test_at_once() -> None:
    Plain()


class Open:
    """Its ``__del__`` makes what nobody awaits."""

    me: Any = None

    def __del__(self) -> None:
        save(1)  # FOUND missed_await call late of test_leaves_one_open, test_leaves_a_cycle


async def test_leaves_one_open() -> None:
    KEPT.append(Open())


async def test_lets_go_of_another_tests() -> None:
    KEPT.clear()


async def test_leaves_a_cycle() -> None:
    kept = Open()
    kept.me = kept
    KEPT.append(kept)


async def test_collects_another_tests() -> None:
    KEPT.clear()
    gc.collect()


@pytest.mark.anyrig(missed_awaits="off")
async def test_wants_not_to_know() -> None:
    KEPT.append(Open())


async def test_lets_go_of_what_is_off() -> None:
    KEPT.clear()


class Broken:
    """Its ``__del__`` raises, with a coroutine in hand."""

    def __del__(self) -> None:
        loop = asyncio.new_event_loop()
        loop.close()
        # fmt: off
        loop.run_until_complete(save(1))  # FOUND missed_await call late of test_leaves_a_broken_one; FOUND lost_exception call late of test_leaves_a_broken_one; FOUND missed_await call of test_lets_go_of_its_own; FOUND lost_exception call of test_lets_go_of_its_own
        # fmt: on


def test_leaves_a_broken_one() -> None:
    KEPT.append(Broken())


@pytest.fixture
def lets_go() -> Iterator[None]:
    yield
    KEPT.clear()


def test_lets_go_in_the_teardown(lets_go: None) -> None:
    pass


def test_lets_go_of_its_own() -> None:
    KEPT.append(Broken())
    KEPT.clear()


class Wide:
    """A wide fixture's own: it ends with that."""

    def __del__(self) -> None:
        # fmt: off
        save(1)  # FOUND missed_await teardown of TestWide::test_last_of_its_scope; FOUND missed_await between late of nothing
        # fmt: on


@pytest.fixture(scope="class")
def wide() -> Iterator[list[Wide]]:
    kept = [Wide(), Wide()]
    yield kept
    kept.clear()


class TestWide:
    def test_drops_what_the_fixture_made(self, wide: list[Wide]) -> None:
        wide.pop()

    def test_last_of_its_scope(self, wide: list[Wide]) -> None:
        pass
