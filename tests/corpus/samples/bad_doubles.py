"""Doubles of anyrig.mocks that are called and not awaited."""

from __future__ import annotations

import store
from store import Store

from anyrig import mocks as am
from anyrig.mocks import Mocks


async def test_method() -> None:
    double = am.create(Store)
    double.save(1)  # FOUND missed_await call


async def test_fixture(mocks: Mocks) -> None:
    double = mocks.create(Store)
    double.save(1)  # FOUND missed_await call


def test_sync(mocks: Mocks) -> None:
    mocks.stub("hook")(1)  # FOUND missed_await call


async def test_patched_class(mocks: Mocks) -> None:
    mocks.patch("store.Store")
    store.Store().save(1)  # FOUND missed_await call


async def test_one_of_two() -> None:
    double = am.create(Store)
    await double.save(1)
    double.save(2)  # FOUND missed_await call


async def test_kept(mocks: Mocks) -> None:
    kept = mocks.stub("hook")()  # FOUND missed_await call
    assert kept is not None
