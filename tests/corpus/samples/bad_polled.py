"""Mocks that are awaited again and again, and never yield."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from unittest.mock import AsyncMock, create_autospec, patch

import pytest
from store import Store

from anyrig.mocks import Mocks

pytestmark = pytest.mark.anyrig(blocked_loop_after=0.1)


def late() -> Iterator[bool]:
    """False for half a second, then true."""
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        yield False
    yield True


async def test_double(mocks: Mocks) -> None:
    double = mocks.create(Store, checkpoint=False)
    mocks.of(double.save).side_effect = late()
    while not await double.save(1):  # FOUND blocked_loop call warned
        pass


async def test_stub(mocks: Mocks) -> None:
    poll = mocks.stub("poll", checkpoint=False, side_effect=late())
    while not await poll():  # FOUND blocked_loop call warned
        pass


async def test_stock() -> None:
    poll = AsyncMock(side_effect=late())
    while not await poll():  # FOUND blocked_loop call warned
        pass


async def test_autospec() -> None:
    double = create_autospec(Store, instance=True)
    double.save.side_effect = late()
    while not await double.save(1):  # FOUND blocked_loop call warned
        pass


@patch("asyncio.sleep", new_callable=AsyncMock)
async def test_sleep_that_is_a_mock(sleep: AsyncMock) -> None:
    sleep.side_effect = late()
    while not await asyncio.sleep(1):  # type: ignore[func-returns-value]  # FOUND blocked_loop call warned
        pass
