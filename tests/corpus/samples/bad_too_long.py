"""Tests that take too long, or hold their loop."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator

import anyio
import anyio.lowlevel
import pytest
from anyio.abc import TaskGroup

short = pytest.mark.anyrig(timeout=0.1, blocked_loop_after=60)


@short
async def test_sleeps() -> None:
    await anyio.sleep(3600)  # FOUND timeout call


@short
async def test_in_groups(task_group: TaskGroup) -> None:
    task_group.start_soon(anyio.sleep, 3600)
    async with anyio.create_task_group() as tasks:  # FOUND timeout call
        tasks.start_soon(anyio.sleep, 3600)


@short
async def test_shielded() -> None:
    with anyio.CancelScope(shield=True):
        await anyio.sleep(3600)  # FOUND timeout call


@short
async def test_catches_errors() -> None:
    try:
        await anyio.sleep(3600)  # FOUND timeout call
    except Exception:  # noqa: BLE001 - as tests do
        raise AssertionError("the end of a test is not for the test to catch") from None


@pytest.mark.anyrig(timeout=0.1, cancel_timeout=0.2)
async def test_goes_on() -> None:
    for _ in range(2):
        try:
            await anyio.sleep(3600)  # FOUND timeout call
        except BaseException:  # noqa: BLE001 - as tests do
            continue


@pytest.fixture
async def slow(anyio_backend: object) -> None:
    await anyio.sleep(3600)  # FOUND timeout setup of test_setup


@short
async def test_setup(slow: None) -> None:
    pass


@pytest.fixture
async def slow_at_its_end(anyio_backend: object) -> AsyncGenerator[None]:
    yield
    await anyio.sleep(3600)  # FOUND timeout teardown of test_end


@short
async def test_end(slow_at_its_end: None) -> None:
    pass


@short
def test_sync() -> None:
    time.sleep(3600)  # FOUND timeout call


@short
def test_busy() -> None:
    all(time.monotonic() for _ in iter(int, 1))  # FOUND timeout call


@short
async def test_held() -> None:
    time.sleep(3600)  # FOUND timeout call


@pytest.fixture
def sync_and_slow() -> None:
    time.sleep(3600)  # FOUND timeout setup of test_sync_setup


@short
def test_sync_setup(sync_and_slow: None) -> None:
    pass


@pytest.mark.anyrig(blocked_loop_after=0.1)
async def test_holds() -> None:
    time.sleep(0.5)  # FOUND blocked_loop call warned


@pytest.mark.anyrig(blocked_loop_after=0.1, blocked_loop="fail")
async def test_holds_and_fails() -> None:
    async def other() -> None:
        time.sleep(0.5)  # FOUND blocked_loop call

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(other)


@pytest.mark.anyrig(timeout=0.1, allow=["timeout"])
async def test_permitted() -> None:
    await anyio.sleep(0.4)  # FOUND timeout call permitted


async def test_next() -> None:
    await anyio.lowlevel.checkpoint()
