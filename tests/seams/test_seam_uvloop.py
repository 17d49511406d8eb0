"""The functions of libuv, and what is read of its structures, that say what uvloop waits for."""

from __future__ import annotations

import asyncio
import math
import select
import socket
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest

from anyrig.seams import asyncio as asyncio_seam
from anyrig.seams.asyncio_threads import Untold

uvloop = pytest.importorskip("uvloop", reason="without uvloop there is no such loop")

from anyrig.seams import uvloop as uvloop_seam  # noqa: E402 - it imports uvloop
from anyrig.seams.uvloop import LoopWaits, waits_of  # noqa: E402

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """What a coroutine gives on a new loop of uvloop's."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


def asked() -> LoopWaits:
    """What says of the running loop what it waits for."""
    waits = waits_of(asyncio.get_running_loop(), threading.get_ident())
    assert waits is not None, "uvloop's module has other names"
    return waits


def others() -> int:
    """How many handles and requests there are of the user's; one is active where the loop runs."""
    count = asked().others()
    assert count is not None, "a loop's first handles are laid out in another way"
    return count - 1


async def asleep(ask: Callable[[LoopWaits], bool]) -> None:
    """Return when this has come true of the loop, asked from another thread while it sleeps."""
    loop, waits, event = asyncio.get_running_loop(), asked(), asyncio.Event()

    def look() -> None:
        while not (waits.is_same() and ask(waits)):
            time.sleep(0.001)
        loop.call_soon_threadsafe(event.set)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    await event.wait()
    thread.join()


def test_nothing() -> None:
    """A loop that only what wakes it and signals can reach waits for nothing, in any turn."""

    async def main() -> None:
        assert others() == 0
        await asleep(LoopWaits.is_for_nothing)
        await asyncio.sleep(0.001)
        assert others() == 0
        await asleep(LoopWaits.is_for_nothing)

    run(main())


def test_nothing_in_another_thread() -> None:
    """Without signals there is one handle less."""
    said: list[int] = []

    async def main() -> None:
        await asleep(LoopWaits.is_for_nothing)
        said.append(others())

    thread = threading.Thread(target=lambda: run(main()))
    thread.start()
    thread.join()
    assert said == [0]


def test_timers() -> None:
    """A timer is something to wait for, but one that never comes, or was cancelled."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(math.inf, print)
        loop.call_later(9, print).cancel()
        await asleep(LoopWaits.is_for_nothing)
        timer = loop.call_later(3600, print)
        assert others() == 0
        await asleep(lambda waits: waits.others() == 0 and not waits.is_for_nothing())
        timer.cancel()
        await asleep(LoopWaits.is_for_nothing)

    run(main())


def test_reader() -> None:
    """A descriptor that is waited for is something, until it is not any more."""

    async def main() -> tuple[int, int]:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            loop.add_reader(ours, print)
            first = others()
            loop.remove_reader(ours)
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        return first, others()

    assert run(main()) == (1, 0)


def test_server() -> None:
    """So is a server."""

    async def main() -> int:
        async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0):
            return others()

    assert run(main()) == 1


def test_process() -> None:
    """So is a process."""

    async def main() -> int:
        process = await asyncio.create_subprocess_exec("sleep", "9")
        count = others()
        process.kill()
        await process.wait()
        return count

    assert run(main()) == 1


def test_request() -> None:
    """So is a name that is looked up in a thread of libuv's: a request, which has no handle."""

    async def main() -> int:
        task = asyncio.create_task(_address())
        await asyncio.sleep(0)
        count = others()
        await task
        return count

    async def _address() -> None:
        # no address: it would be told without a look-up
        await asyncio.get_running_loop().getaddrinfo("localhost", 80)

    assert run(main()) == 1


def test_what_another_thread_has_made_ready() -> None:
    """It is in the one deque of the loop, which sleeps on; and is no handle of the user's."""

    async def main() -> None:
        loop, waits, seen = asyncio.get_running_loop(), asked(), threading.Event()
        future = loop.create_future()

        def thread() -> None:
            while not (waits.is_same() and waits.is_for_nothing()):
                time.sleep(0.001)
            future.set_result(1)
            while not (waits.is_same() and waits.untold()):
                time.sleep(0.001)
            said.append((waits.others(), waits.untold()))
            loop.call_soon_threadsafe(seen.set)

        threading.Thread(target=thread).start()
        await future

    said: list[tuple[int | None, Untold | None]] = []
    run(main())
    ((count, untold),) = said
    assert count == 1  # what makes the loop call it
    assert untold is not None
    assert (untold.is_endless, len(untold.handles)) == (True, 1)


@pytest.mark.parametrize("way", ["call_soon", "call_later", "add_reader"])
def test_what_the_loop_calls_is_no_sleep(way: str) -> None:
    """C that the loop calls has no frame, as its sleep has none; the system tells them apart."""
    said: list[tuple[bool | None, bool, Untold | None]] = []

    async def main() -> None:
        loop, waits, event = asyncio.get_running_loop(), asked(), asyncio.Event()
        begins, holds = threading.Lock(), threading.Lock()
        ours, theirs = socket.socketpair()

        def look() -> None:
            begins.acquire()
            while not waits.is_same():
                time.sleep(0.001)
            said.append((waits.is_asleep(), waits.is_for_nothing(), waits.untold()))
            if way == "add_reader":
                ours.recv(1)  # or it would be called again
            holds.release()
            loop.call_soon_threadsafe(event.set)

        def begin() -> None:
            begins.release()
            loop.call_soon(int)  # which is ready meanwhile

        begins.acquire()
        holds.acquire()
        thread = threading.Thread(target=look)
        thread.start()
        with ours, theirs, ours.dup() as again:
            if way == "add_reader":
                loop.add_reader(ours, begin)
                loop.add_reader(again, holds.acquire)
                theirs.send(b"x")
            elif way == "call_later":
                loop.call_later(0.001, begin)
                loop.call_later(0.001, holds.acquire)
            else:
                loop.call_soon(begin)
                loop.call_soon(holds.acquire)
            await event.wait()
            loop.remove_reader(ours)
            loop.remove_reader(again)
        thread.join()

    run(main())
    assert said == [(False, False, None)]


# what the system may say of a thread, with the loop's descriptor -> whether the loop sleeps
_TOLD = {
    "281 {0:#x} 0x7ffe4e0f4c00 0x400 0xffffffff 0x0 0x8 0x7ffe4e0f3e90 0x7f13bc726cae": True,
    "281 {1:#x} 0x7ffe4e0f4c00 0x400 0xffffffff 0x0 0x8 0x7ffe4e0f3e90 0x7f13bc726cae": False,
    # `select`, of as many descriptors
    "270 {0:#x} 0x7ffe4e0f4c00 0x0 0x0 0x0 0x0 0x7ffe4e0f3e90 0x7f13bc726cae": False,
    "270 {0:#x} 0x7ffe4e0f4c00 0x7ffe4e0f4d00 0x0 0x0 0x0 0x7ffe4e0f3e90 0x7f13bc726cae": False,
    "270 {0:#x} 0x0 0x400 0x0 0x0 0x0 0x7ffe4e0f3e90 0x7f13bc726cae": False,
    "-1 0x7ffe4e0f3e90 0x7f13bc726cae": False,
    "running": False,
    "": None,
}


@pytest.mark.parametrize("told", _TOLD)
def test_what_the_system_says(monkeypatch: pytest.MonkeyPatch, told: str) -> None:
    """A loop sleeps in a call that names its descriptor, and where the events are to go."""
    said: list[bool | None] = []

    async def main() -> None:
        waits = asked()
        text = told.format(waits._descriptor, waits._descriptor + 1).encode()
        monkeypatch.setattr(uvloop_seam, "_read", lambda path: text)
        said.append(waits.is_asleep())

    run(main())
    assert said == [_TOLD[told]]


@pytest.mark.skipif(not hasattr(select, "epoll"), reason="it waits in an epoll of its own")
def test_what_waits_in_a_call_is_no_sleep() -> None:
    """A wait of the user's own for I/O, which the loop calls, is none for the loop's descriptor."""
    said: list[bool | None] = []

    async def main() -> None:
        waits, begins = asked(), threading.Lock()
        ours, theirs = socket.socketpair()

        def look() -> None:
            begins.acquire()
            while not waits.is_same():
                time.sleep(0.001)
            said.append(waits.is_asleep())
            theirs.send(b"x")

        begins.acquire()
        thread = threading.Thread(target=look)
        thread.start()
        with ours, theirs, select.epoll() as epoll:
            epoll.register(ours, select.EPOLLIN)
            asyncio.get_running_loop().call_soon(begins.release)
            asyncio.get_running_loop().call_soon(epoll.poll)
            await asyncio.sleep(0)
            thread.join()

    run(main())
    assert said == [False]


def test_what_reads_otherwise_says_nothing() -> None:
    """Where a loop's own handles are not where they should be, nothing is said."""
    said: list[tuple[int | None, bool]] = []

    def ask(waits: LoopWaits) -> bool:
        if waits.is_for_nothing():
            waits._check = None
            said.append((waits.others(), waits.is_for_nothing()))
        return bool(said)

    run(asleep(ask))
    assert said == [(None, False)]


def test_what_can_not_be_read_says_nothing() -> None:
    """Where the system does not tell what a thread is in, nothing is said of its loop."""
    said: list[tuple[bool | None, bool, Untold | None]] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def ask(waits: LoopWaits) -> bool:
            if waits.is_for_nothing():
                loop.call_soon(int)
                is_told = waits.untold() is not None
                waits._thread = None
                if is_told:
                    said.append((waits.is_asleep(), waits.is_for_nothing(), waits.untold()))
            return bool(said)

        await asleep(ask)

    run(main())
    assert said == [(None, False, None)]


def test_closed_loop_is_not_read() -> None:
    """What a loop's memory says once it is closed is no answer."""

    async def main() -> LoopWaits:
        return asked()

    assert run(main()).others() is None


def test_executor_is_what_the_collector_knows() -> None:
    """What the loop's executor runs is known while somebody's future waits for it."""
    begun, go = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go.wait()

    async def main() -> tuple[list[Any], list[Any]]:
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(None, work)
        begun.wait()
        try:
            during = asyncio_seam.calls_of(loop)
        finally:
            go.set()
        await future
        return during, asyncio_seam.calls_of(loop)

    assert run(main()) == ([work], [])
