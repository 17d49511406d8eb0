"""Doubles that give all that they were told, or were told nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import store
from store import Store

from anyrig import mocks as am
from anyrig.mocks import Mocks

pytestmark = pytest.mark.anyrig(unused_stubs="fail")


async def test_used_up(mocks: Mocks) -> None:
    double = mocks.create(Store)
    mocks.of(double.save).side_effect = [1, 2]
    assert (await double.save(), await double.save()) == (1, 2)


async def test_nothing_was_told(mocks: Mocks) -> None:
    double = mocks.create(Store)
    assert double.save is not None
    assert mocks.of(double).save.return_value is not None


async def test_patch_that_keeps_something_away(mocks: Mocks) -> None:
    mocks.patch("store.save")
    assert store.save is not None


async def test_generator(mocks: Mocks) -> None:
    def values() -> Iterator[int]:
        yield 1
        yield 2

    poll = mocks.stub("poll", side_effect=values())
    assert await poll() == 1


async def test_reset(mocks: Mocks) -> None:
    poll = mocks.stub("poll", return_value=1)
    assert await poll() == 1
    poll.reset_mock()


def test_reset_sync(mocks: Mocks) -> None:
    double = mocks.create(Store)
    mocks.of(double.size).return_value = 1
    assert double.size() == 1
    mocks.of(double).reset_mock()


async def test_without_the_fixture() -> None:
    am.stub("hook")


@pytest.mark.anyrig(unused_stubs="off")
async def test_off(mocks: Mocks) -> None:
    mocks.stub("hook")
