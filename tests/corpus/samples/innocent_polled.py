"""Mocks that are awaited many times, and hold nothing up."""

from __future__ import annotations

import time
from collections.abc import Iterator
from unittest.mock import AsyncMock

import anyio
import pytest
from store import Store

from anyrig.mocks import Mocks


def late(seconds: float) -> Iterator[bool]:
    """False for some time, then true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield False
    yield True


@pytest.mark.anyrig(blocked_loop_after=0.2)
async def test_double_that_yields(mocks: Mocks) -> None:
    double = mocks.create(Store)
    mocks.of(double.save).side_effect = late(0.4)
    while not await double.save(1):
        pass


@pytest.mark.anyrig(blocked_loop_after=0.2)
async def test_stock_beside_a_sleep() -> None:
    poll = AsyncMock(side_effect=late(0.4))
    while not await poll():
        await anyio.sleep(0)


async def test_a_few_times(mocks: Mocks) -> None:
    poll = mocks.stub("poll", checkpoint=False, side_effect=[False] * 200 + [True])
    while not await poll():
        pass


async def test_stock_a_few_times() -> None:
    poll = AsyncMock(side_effect=[False] * 200 + [True])
    while not await poll():
        pass
