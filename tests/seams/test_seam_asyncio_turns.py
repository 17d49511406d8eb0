"""The private names of a loop's turns."""

from __future__ import annotations

import asyncio
from typing import Any

from anyrig.seams.asyncio_turns import after_turns, is_blocked, is_for, ready


def test_loop_has__ready() -> None:
    """What a loop is to call stands in ``_ready``, a handle has ``_callback`` and ``_args``."""
    loop: Any = asyncio.new_event_loop()
    try:
        handle = loop.call_soon("{}".format, 3)
        assert list(loop._ready) == ready(loop) == [handle]
        assert is_for(handle, str)
        assert is_for(handle, int)
        assert not is_for(handle, list)
        handle.cancel()
        assert ready(loop) == []
    finally:
        loop.close()


def test_loop_looks_up__run_once() -> None:
    """A loop asks itself for ``_run_once`` at each turn, and has its own back afterwards."""
    turns: list[int] = []

    async def takes_turns() -> None:
        loop = asyncio.get_running_loop()
        forget = after_turns(loop, lambda: turns.append(1))
        other = after_turns(loop, lambda: None)
        assert forget is not None
        assert other is not None
        # the turn that runs is not heard, the next ones are
        for _ in range(4):
            await asyncio.sleep(0)
        forget()
        await asyncio.sleep(0)
        other()
        assert "_run_once" not in vars(loop)

    asyncio.run(takes_turns())
    assert len(turns) == 3


def test_task_has__fut_waiter() -> None:
    """A task that waits has what it waits for in ``_fut_waiter``."""

    async def looks() -> None:
        task = asyncio.create_task(asyncio.Event().wait())
        assert not is_blocked(task)
        await asyncio.sleep(0)
        assert is_blocked(task)
        task.cancel()
        assert not is_blocked(task)

    asyncio.run(looks())
