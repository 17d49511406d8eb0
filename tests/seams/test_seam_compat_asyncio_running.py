"""The shim's seam on asyncio: the running loop can be said for one sync call."""

from __future__ import annotations

import asyncio

import pytest

from anyrig_compat.seams.asyncio_running import running_loop, set_running_loop


def test_the_running_loop_is_what_was_said() -> None:
    """What is set is what asyncio's own functions find, until it is taken back."""
    loop = asyncio.new_event_loop()
    set_running_loop(loop)
    try:
        assert asyncio.get_running_loop() is loop is running_loop()
        assert asyncio.current_task() is None
    finally:
        set_running_loop(None)
        loop.close()
    assert running_loop() is None
    with pytest.raises(RuntimeError, match="no running event loop"):
        asyncio.get_running_loop()
