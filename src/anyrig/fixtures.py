"""The fixtures that tests ask for by name."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import AbstractAsyncContextManager, closing
from typing import TYPE_CHECKING

import pytest

from .findings import Kind
from .rig import RIG

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

    from .clock.face import Clock
    from .clock.fast import FastSleep
    from .mocks import Mocks


@pytest.fixture
async def task_group(
    request: pytest.FixtureRequest, anyio_backend: object
) -> AsyncGenerator[TaskGroup]:
    """A task group for the test's background tasks: an `anyio.abc.TaskGroup`, already entered.

    A task that crashes cuts the test off at once and fails it with its error. When the test ends,
    or fails, what is left is cancelled and joined; what does not end within
    ``anyrig_cancel_timeout`` seconds is named (`TaskDidNotEnd`). Errors that tasks raise while
    they are cancelled fail the test's teardown.
    """
    async with open_group(request.config) as group:
        yield group


def open_group(config: pytest.Config) -> AbstractAsyncContextManager[TaskGroup]:
    """A task group such as the fixture `task_group` gives, for async fixtures of a plugin's own.

    To be entered before the ``yield`` of such a fixture, and left after it.
    """
    return config.stash[RIG].open_group()


@pytest.fixture
def clock(anyrig_clock: Clock) -> Clock:
    """Virtual time for this test, from its setup to its teardown: an `anyrig.Clock`.

    Sleeps, timeouts and deadlines follow it on asyncio and on trio; it jumps to the next of them
    where nothing else can happen. Fixtures wider than the test are set up in real time. On
    asyncio+uvloop, and where trio was given a clock, it is a `ClockError`.
    """
    return anyrig_clock


@pytest.fixture
def anyrig_clock(request: pytest.FixtureRequest, anyio_backend: object) -> Iterator[Clock]:
    """What the marker's ``clock="virtual"`` asks for: `clock`, whatever a suite calls so."""
    with request.config.stash[RIG].open_clock(anyio_backend) as clock:
        yield clock


@pytest.fixture
def fast_sleep(anyrig_fast_sleep: FastSleep) -> FastSleep:
    """Sleeps that take no time, from the test's setup to its teardown: an `anyrig.FastSleep`.

    Each turn of the loop moves its clock to the end of the next sleep, whatever else there is to
    do; what is no sleep takes real time. A timeout in which nobody sleeps is moved along. On
    asyncio+uvloop, beside `clock`, and where trio was given a clock, it is a `ClockError`.
    """
    return anyrig_fast_sleep


@pytest.fixture
def anyrig_fast_sleep(request: pytest.FixtureRequest, anyio_backend: object) -> Iterator[FastSleep]:
    """`fast_sleep`, whatever a suite calls so: to be set up first."""
    with request.config.stash[RIG].open_fast_sleep(anyio_backend) as fast:
        yield fast


@pytest.fixture
def mocks(request: pytest.FixtureRequest) -> Iterator[Mocks]:
    """`anyrig.mocks` for this test: ``create``, ``stub``, ``patch``, undone at its end."""
    from .mocks import Mocks

    rig = request.config.stash[RIG]
    is_on = rig.current_settings.is_on(Kind.UNUSED_STUB)
    with closing(Mocks(notes_lines=is_on)) as mocks:
        yield mocks
        if is_on:
            rig.tell_unused(mocks.unused())
