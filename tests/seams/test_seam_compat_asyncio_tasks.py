"""The private name that tells whether a task was asked for its exception."""

from __future__ import annotations

import asyncio

import pytest

from anyrig_compat.seams.asyncio_tasks import is_asked_for


@pytest.fixture
def anyio_backend() -> str:
    """asyncio alone: the seam is about its tasks."""
    return "asyncio"


async def _crash() -> None:
    raise ValueError("boom")


async def test_future_has__log_traceback() -> None:
    """``Future._log_traceback`` is true from the exception on, until somebody asks for it."""
    asked, awaited = asyncio.create_task(_crash()), asyncio.create_task(_crash())
    await asyncio.wait([asked, awaited])
    assert not is_asked_for(asked)
    assert not is_asked_for(awaited)
    assert str(asked.exception()) == "boom"
    with pytest.raises(ValueError, match="boom"):
        await awaited
    assert is_asked_for(asked)
    assert is_asked_for(awaited)
