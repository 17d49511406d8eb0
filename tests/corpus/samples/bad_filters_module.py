"""A mark on the module hides a finding no more than any other filter."""

from __future__ import annotations

import pytest
from store import save

pytestmark = pytest.mark.filterwarnings("ignore:.*never awaited")  # LABEL module-mark


async def test_async() -> None:
    save(1)  # FOUND missed_await call near module-mark


def test_sync() -> None:
    save(1)  # FOUND missed_await call near module-mark


@pytest.mark.filterwarnings("ignore:.*never awaited")
async def test_marked_itself() -> None:
    save(1)  # FOUND missed_await call permitted
