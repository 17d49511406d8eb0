"""What runs in a thread and is no runner's of ours, by its frames; and an error set in a thread."""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import Any

import pytest
import trio

from anyrig.elsewhere import in_frames
from anyrig.seams import asyncio as asyncio_seam
from anyrig.seams.cpython import raising, stacks


def test_run_until_complete_has_future() -> None:
    """The loop and what it runs are the ``self`` and the ``future`` of asyncio's own frames."""

    async def main() -> None:
        found = stacks.run_in(sys._getframe())
        loop = asyncio.get_running_loop()
        assert found == ("asyncio", loop, asyncio.current_task())

    asyncio.run(main())


def test_a_trio_run_has_runner_and_main_task() -> None:
    """The run is the ``runner`` of trio's frames, and takes a call from any thread."""
    called: list[int] = []

    async def main() -> None:
        found = stacks.run_in(sys._getframe())
        assert found is not None
        library, _, task = found
        assert (library, task) == ("trio", trio.lowlevel.current_task())
        run = in_frames(sys._getframe())
        assert run is not None
        run.call_soon(lambda: called.append(1))
        while not called:
            await trio.lowlevel.checkpoint()

    trio.run(main)
    assert called == [1]


def test_a_loop_that_waits_for_nothing() -> None:
    """``_ready``, ``_scheduled`` and the selector's map say what a loop waits for."""
    loop: Any = asyncio.SelectorEventLoop()
    try:
        assert asyncio_seam.waits_for_nothing(loop)
        timer = loop.call_later(3600, print)
        assert not asyncio_seam.waits_for_nothing(loop)
        timer.cancel()
        assert asyncio_seam.waits_for_nothing(loop)
        loop.call_soon(int)
        assert not asyncio_seam.waits_for_nothing(loop)
    finally:
        loop.close()
    assert not asyncio_seam.waits_for_nothing(object())


class Ended(BaseException):
    """What is set in a thread."""


def test_an_exception_is_set_in_a_thread() -> None:
    """A thread that runs Python code raises it at its next instruction."""
    ended: list[bool] = []

    def spins() -> None:
        try:
            while True:
                pass
        except Ended:
            ended.append(True)

    thread = threading.Thread(target=spins)
    thread.start()
    assert raising.raise_in(thread.ident or 0, Ended)
    thread.join(60)
    assert ended == [True]
    assert not raising.raise_in(2**31 - 1, Ended)


@pytest.mark.parametrize("name", ["pdb.py", "bdb.py"])
def test_a_prompt_is_known_by_its_frames(name: str) -> None:
    """A debugger's frame is known by its file, however deep it is, also in a coroutine."""
    code = compile("import sys\nframe = sys._getframe()", f"/usr/lib/{name}", "exec")
    names: dict[str, Any] = {}
    exec(code, names)
    assert stacks.is_debugged(names["frame"])
    assert not stacks.is_debugged(None)
    source = "async def waits(event):\n    await event.wait()\n"
    exec(compile(source, f"/usr/lib/{name}", "exec"), names)

    async def main() -> None:
        event = asyncio.Event()
        task = asyncio.create_task(names["waits"](event))
        plain = asyncio.create_task(event.wait())
        await asyncio.sleep(0)
        assert stacks.is_debugged_in(task.get_coro())
        assert not stacks.is_debugged_in(plain.get_coro())
        event.set()
        await task
        await plain

    asyncio.run(main())
