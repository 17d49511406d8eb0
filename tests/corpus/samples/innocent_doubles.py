"""Doubles of anyrig.mocks that are awaited, or that stand for what is sync."""

from __future__ import annotations

import anyio
import pytest
import store
from store import Store

from anyrig import mocks as am
from anyrig.mocks import Mocks


async def test_awaited(mocks: Mocks) -> None:
    double = mocks.create(Store)
    await double.save(1)
    mocks.assert_all_awaited()


async def test_in_a_task(mocks: Mocks) -> None:
    hook = mocks.stub("hook")
    async with anyio.create_task_group() as group:
        group.start_soon(hook, 1)
    hook.assert_called_once_with(1)


async def test_wrong_arguments() -> None:
    with pytest.raises(TypeError):
        am.create(Store).save(1, 2)  # type: ignore[call-arg]


async def test_cancelled() -> None:
    with anyio.CancelScope() as scope:
        scope.cancel()
        await am.stub("hook", delay=3600)()


async def test_patched_class(mocks: Mocks) -> None:
    mocks.patch("store.Store")
    await store.Store().save(1)


async def test_assertion_reads_and_then_awaits() -> None:
    hook = am.stub("hook")
    call = hook()
    with pytest.raises(AssertionError):
        hook.assert_called_once_with()
    await call


async def test_raises() -> None:
    with pytest.raises(KeyError):
        await am.stub("hook", side_effect=KeyError)()
