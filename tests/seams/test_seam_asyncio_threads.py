"""What stands in an asyncio loop that sleeps, and who is about to tell it of that."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import asleep
from anyrig.seams import asyncio_threads
from anyrig.seams.asyncio_threads import Untold
from anyrig.seams.cpython.stacks import frame_of

Look = Callable[[], Untold | None]


def while_it_sleeps(look: Callable[[Any, Look], object]) -> None:
    """Run a loop that sleeps while this is called in another thread, with it and what it shows."""
    main = threading.get_ident()
    broken: list[BaseException] = []

    async def waits() -> None:
        loop, ended = asyncio.get_running_loop(), asyncio.Event()

        def ask() -> Untold | None:
            frame = frame_of(main)
            return None if frame is None else asyncio_threads.untold(loop, frame)

        def work() -> None:
            asleep.until_asleep(loop)
            try:
                look(loop, ask)
            except BaseException as error:  # noqa: BLE001 - raised in the test's own thread
                broken.append(error)
            loop.call_soon_threadsafe(ended.set)

        thread = threading.Thread(target=work)
        thread.start()
        await ended.wait()
        thread.join()

    asyncio.run(waits())
    if broken:
        raise broken[0]


def test_what_was_put_there() -> None:
    """A handle, or a timer that comes soon, was put there since; one that is far off was not."""

    def look(loop: Any, ask: Look) -> None:
        assert ask() is None
        loop.call_later(86_500, int)
        assert ask() is None
        timer = loop.call_later(60, int)
        assert ask() == Untold([timer], is_endless=True)
        timer.cancel()
        assert ask() is None
        handle = loop.call_soon(int)
        assert ask() == Untold([handle], is_endless=True)
        handle.cancel()
        assert ask() is None

    while_it_sleeps(look)


def test_who_is_telling_it() -> None:
    """While a thread is in the call that tells a loop, it was told."""
    writes, go = threading.Event(), threading.Event()

    def look(loop: Any, ask: Look) -> None:
        write = loop._write_to_self

        def slowly() -> None:
            writes.set()
            go.wait()
            write()

        loop._write_to_self = slowly
        thread = threading.Thread(target=loop.call_soon_threadsafe, args=(int,))
        thread.start()
        writes.wait()
        del loop._write_to_self
        try:
            assert asyncio_threads.left_in(loop, is_endless=True)
            assert ask() is None
        finally:
            go.set()
            thread.join()

    while_it_sleeps(look)


def test_who_has_told_it() -> None:
    """A loop that was told has something to read, until it has woken."""
    loop = asyncio.SelectorEventLoop()
    try:
        assert not asyncio_threads._can_be_read(loop)
        loop.call_soon_threadsafe(loop.stop)
        assert asyncio_threads._can_be_read(loop)
        loop.run_forever()
        assert not asyncio_threads._can_be_read(loop)
    finally:
        loop.close()
