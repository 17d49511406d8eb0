"""The private names of trio's tasks and nurseries."""

from __future__ import annotations

import pytest
import trio.testing

from anyrig.seams import trio as seam


@pytest.fixture
def anyio_backend() -> str:
    """trio alone."""
    return "trio"


async def test_task_has__cancel_status() -> None:
    """A task's scopes are known by ``_cancel_status``, its ``_scope`` and its ``_parent``."""
    task = trio.lowlevel.current_task()
    base = seam.innermost(task)
    assert seam.open_scopes(task, base) == []
    with trio.CancelScope() as outer, trio.CancelScope() as inner:
        assert seam.open_scopes(task, base) == [inner, outer]
    assert seam.innermost(task) is base


async def test_nursery_has__pending_excs() -> None:
    """What the tasks of an open nursery raised is in ``_pending_excs``."""

    async def fail() -> None:
        raise KeyError("one")

    async def fail_as_group() -> None:
        raise ExceptionGroup("group", [ValueError("two")])

    async def look() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail)
            nursery.start_soon(fail_as_group)
            nursery.start_soon(trio.sleep_forever)
            with trio.CancelScope(shield=True):
                await trio.testing.wait_all_tasks_blocked()
            errors = seam.errors_of(nursery)
            assert {type(error) for error in errors} == {KeyError, ExceptionGroup}

    with pytest.raises(ExceptionGroup):
        await look()
