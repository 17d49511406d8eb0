"""The fixtures that tests ask for by name."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

import pytest

from .rig import RIG

if TYPE_CHECKING:
    from anyio.abc import TaskGroup


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
    async with request.config.stash[RIG].open_group() as group:
        yield group
