"""asyncio as the guest of a trio run: one thread, one clock, cancellation and errors both ways."""

from __future__ import annotations

import asyncio
import contextvars
import importlib.util
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
import sniffio
import trio
from trio.testing import MockClock

from anyrig_compat import Guest, current_guest, on_asyncio, open_asyncio
from inner import Suite
from support import run

USER: contextvars.ContextVar[str] = contextvars.ContextVar("user", default="nobody")


@pytest.fixture
def anyio_backend() -> Any:
    """These tests are about a guest, so they run on trio, and in time of its own."""
    return ("trio", {"clock": MockClock(autojump_threshold=0)})


async def test_each_side_is_itself() -> None:
    """On each side the library's name, the running loop and anyio are those of that side."""

    async def there() -> asyncio.AbstractEventLoop:
        assert sniffio.current_async_library() == "asyncio"
        await anyio.sleep(1)
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep, 1)
        assert await anyio.to_thread.run_sync(threading.get_ident) != threading.get_ident()
        return asyncio.get_running_loop()

    async with open_asyncio() as guest:
        assert await guest.call(there) is guest.loop
        assert sniffio.current_async_library() == "trio"
        with pytest.raises(RuntimeError, match="no running event loop"):
            asyncio.get_running_loop()


async def test_both_have_one_clock() -> None:
    """Sleeps of asyncio take trio's time."""
    before = trio.current_time()
    async with open_asyncio() as guest:
        await guest.call(asyncio.sleep, 3600)
        assert trio.current_time() - before == 3600
        assert guest.loop.time() == trio.current_time()
        called: list[float] = []
        guest.loop.call_later(5, lambda: called.append(trio.current_time() - before))
        await trio.sleep(6)
        assert called == [3605]


async def test_a_nested_block_has_the_same_loop() -> None:
    """One trio run has one guest; it ends with the outermost block."""
    assert current_guest() is None
    async with open_asyncio() as guest:
        async with open_asyncio() as inner:
            assert inner is guest is current_guest()
        assert not guest.loop.is_closed()
        assert await on_asyncio(_loop) is guest.loop
    assert guest.loop.is_closed()
    assert current_guest() is None


async def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


async def test_on_asyncio_opens_what_it_needs() -> None:
    """One call needs no block around it."""
    loop = await on_asyncio(_loop)
    assert loop.is_closed()


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_on_asyncio_on_asyncio() -> None:
    """On asyncio the function is awaited where it is."""
    assert await on_asyncio(_loop) is asyncio.get_running_loop()


async def test_an_error_keeps_its_lines() -> None:
    """What asyncio's side raises is raised on trio's, with the lines that it came through."""

    async def fails() -> None:
        await asyncio.sleep(1)
        raise LookupError("gone")

    async with open_asyncio() as guest:
        with pytest.raises(LookupError, match="gone") as caught:
            await guest.call(fails)
    assert caught.traceback[-1].name == "fails"


async def test_trio_cancels_asyncio() -> None:
    """A cancel scope of trio's cancels the task on the other side, and waits for its cleanup."""
    seen: list[str] = []

    async def waits() -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            await asyncio.sleep(10)
            seen.append("cleaned up")

    async with open_asyncio() as guest:
        before = trio.current_time()
        with trio.move_on_after(5) as scope:
            await guest.call(waits)
        assert scope.cancelled_caught
        assert trio.current_time() - before == 15
    assert seen == ["cleaned up"]


async def test_nothing_is_lost_in_a_cancellation() -> None:
    """A task that gives a result, or raises, though it is cancelled, has both heard."""

    async def gives() -> str:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            return "saved"
        return "slept"

    async def raises() -> None:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            raise OSError("full") from None

    async with open_asyncio() as guest:
        with trio.move_on_after(5):
            assert await guest.call(gives) == "saved"
        with trio.move_on_after(5), pytest.raises(OSError, match="full"):
            await guest.call(raises)


async def test_a_task_that_cancels_itself() -> None:
    """asyncio's own cancellation is an error on trio's side, and cancels nothing there."""

    async def cancels() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(1)

    async with open_asyncio() as guest:
        with pytest.raises(asyncio.CancelledError):
            await guest.call(cancels)
        await trio.lowlevel.checkpoint()


async def test_a_cancelled_call_does_not_begin() -> None:
    """In a scope that is cancelled nothing is called on the other side."""
    called: list[int] = []

    async def notes() -> None:
        called.append(1)

    async with open_asyncio() as guest:
        with trio.CancelScope() as scope:
            scope.cancel()
            await guest.call(notes)
        assert scope.cancelled_caught
    assert called == []


async def test_from_asyncio_to_trio() -> None:
    """Code on the guest awaits trio's, its errors, and cancels it."""

    async def adds(number: int) -> int:
        assert sniffio.current_async_library() == "trio"
        await trio.sleep(10)
        return number + 1

    async def fails() -> None:
        raise LookupError("gone")

    async def there(guest: Guest) -> int:
        with pytest.raises(LookupError, match="gone"):
            await guest.on_trio(fails)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3):
                await guest.on_trio(trio.sleep_forever)
        return await guest.on_trio(adds, 1)

    async with open_asyncio() as guest:
        assert await guest.call(there, guest) == 2


async def test_a_shield_on_the_far_side() -> None:
    """What trio shields runs to its end, and what comes after it on asyncio's side is cut off."""

    async def shielded() -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(10)

    async def there(guest: Guest) -> None:
        await guest.on_trio(shielded)
        await asyncio.sleep(100)

    async with open_asyncio() as guest:
        before = trio.current_time()
        with trio.move_on_after(5) as scope:
            await guest.call(there, guest)
        assert scope.cancelled_caught
        assert trio.current_time() - before == 10


async def test_context_variables() -> None:
    """What is set before a call is seen in it, and what the call sets is set for its caller."""

    async def there() -> str:
        before = USER.get()
        USER.set("Bob")
        return before

    token = USER.set("Ada")
    async with open_asyncio() as guest:
        assert await guest.call(there) == "Ada"
        assert USER.get() == "Bob"
    USER.reset(token)


async def test_a_queue_that_trio_fills() -> None:
    """What waits on the guest is woken by what trio's side calls."""
    got: list[int] = []

    async def take(guest: Guest, queue: asyncio.Queue[int]) -> None:
        got.append(await guest.call(queue.get))

    async with open_asyncio() as guest, trio.open_nursery() as nursery:
        queue: asyncio.Queue[int] = asyncio.Queue()
        nursery.start_soon(take, guest, queue)
        await trio.sleep(1)
        guest.loop.call_soon(queue.put_nowait, 7)
    assert got == [7]


async def test_a_future_that_trio_sets() -> None:
    """A plain call into the loop from trio's side is noticed at once."""
    async with open_asyncio() as guest, trio.open_nursery() as nursery:
        future: asyncio.Future[int] = guest.loop.create_future()
        nursery.start_soon(_soon, lambda: future.set_result(3))
        assert await guest.wait(future) == 3


async def _soon(function: Callable[[], object]) -> None:
    await trio.sleep(1)
    function()


@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_streams_threads_and_a_subprocess() -> None:
    """What asyncio waits for in the system works, in real time."""

    async def there() -> tuple[bytes, bytes, str]:
        async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"hello")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(greet, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            greeting = await reader.read()
            writer.close()
            await writer.wait_closed()
        process = await asyncio.create_subprocess_exec("echo", "hi", stdout=-1)
        said, _ = await process.communicate()
        return greeting, said, await asyncio.to_thread(socket.gethostname)

    async with open_asyncio() as guest:
        assert await guest.call(there) == (b"hello", b"hi\n", socket.gethostname())


async def test_what_is_left_is_cancelled() -> None:
    """At the end of the block tasks are cancelled and joined, and generators are closed."""
    seen: list[str] = []

    async def rows() -> Any:
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            seen.append("closed")

    async def waits() -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            seen.append("cancelled")

    async def starts() -> None:
        task = asyncio.create_task(waits())
        kept.append(task)
        kept.append(rows())
        await anext(kept[1])

    kept: list[Any] = []
    async with open_asyncio() as guest:
        await guest.call(starts)
        await guest.call(asyncio.sleep, 0)
        kept[0].cancel()
    assert seen == ["cancelled", "closed"]


@pytest.mark.parametrize("part", ["test_timeouts", "test_taskgroups"])
def test_cpythons_own_tests(part: str) -> None:
    """A part of CPython's own asyncio tests passes on the guest; the script runs the others."""
    script = Path(__file__).parent / "guest_cpython.py"
    if importlib.util.find_spec("test.test_asyncio") is None:
        pytest.skip("this interpreter came without its own tests (the package `test`)")
    ran = run([sys.executable, str(script), part], script.parent)
    assert ran.status == 0, ran.text
    assert " 0 failed" in ran.text


def test_the_checks_watch_the_guest(suite: Suite) -> None:
    """A missed await, a lost exception and a leaked task on the guest are told of the test."""
    suite.ini("anyrig_leaked_tasks = fail")
    suite.write(
        "test_it.py",
        """
        import asyncio
        import pytest
        import trio
        from anyrig_compat import open_asyncio

        @pytest.fixture
        def anyio_backend():
            return "trio"

        async def save():
            pass

        async def drops():
            save()

        async def fails():
            raise LookupError("gone")

        async def loses():
            task = asyncio.create_task(fails())
            await asyncio.wait([task])

        async def leaves():
            asyncio.get_running_loop().kept = asyncio.create_task(asyncio.sleep(3600))

        @pytest.mark.parametrize("function", [drops, loses, leaves])
        async def test_it(function):
            async with open_asyncio() as guest:
                await guest.call(function)

        async def test_innocent():
            async with open_asyncio() as guest:
                await guest.call(save)
        """,
    )
    ran = suite.spawn()
    assert ran.status == 1
    assert suite.found == [
        ("missed_await", "test_it[drops]", "fail"),
        ("lost_exception", "test_it[loses]", "fail"),
        ("leaked_task", "test_it[leaves]", "fail"),
    ]


def test_a_task_that_does_not_end_is_named(suite: Suite) -> None:
    """A task that goes on though it is cancelled does not hang the run: it is named."""
    suite.write(
        "test_it.py",
        """
        import asyncio
        import pytest
        from trio.testing import MockClock
        from anyrig_compat import open_asyncio

        @pytest.fixture
        def anyio_backend():
            return ("trio", {"clock": MockClock(autojump_threshold=0)})

        async def deaf():
            while True:
                try:
                    await asyncio.sleep(1000)
                except asyncio.CancelledError:
                    pass

        async def starts():
            asyncio.create_task(deaf(), name="the deaf one")

        async def test_it():
            async with open_asyncio() as guest:
                await guest.call(starts)

        async def test_next():
            pass
        """,
    )
    ran = suite.spawn("--anyrig-leaked-tasks=off")
    assert "did not end within 5 seconds of being cancelled: the deaf one (" in ran.text
    assert "1 failed, 1 passed" in ran.text
