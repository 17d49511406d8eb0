"""Loops that run in threads, and what fails in them that somebody hears."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from typing import Any

import pytest

GO = threading.Event()
HEARD: list[dict[str, Any]] = []
THREADS: list[threading.Thread] = []


class Lost(Exception):
    pass


async def boom() -> None:
    raise Lost


@pytest.mark.anyrig(leaked_threads="off")
def test_starts_a_loop_with_a_handler() -> None:
    def fail() -> None:
        raise Lost

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: HEARD.append(context))
        loop.call_soon(fail)
        task = loop.create_task(boom())
        await asyncio.sleep(0)
        del task

    def run() -> None:
        GO.wait()
        asyncio.run(main())

    THREADS.append(threading.Thread(target=run))
    THREADS[0].start()


def test_while_its_handler_hears() -> None:
    GO.set()
    THREADS[0].join()
    assert len(HEARD) == 2


@pytest.fixture(scope="module")
def loop() -> Generator[asyncio.AbstractEventLoop, None, None]:
    loop = asyncio.new_event_loop()
    thread, runs = threading.Thread(target=loop.run_forever), threading.Event()
    loop.call_soon(runs.set)
    thread.start()
    runs.wait()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_first_of_a_wider_loop(loop: asyncio.AbstractEventLoop) -> None:
    assert loop.is_running()


def test_asks_a_wider_loop(loop: asyncio.AbstractEventLoop) -> None:
    with pytest.raises(Lost):
        asyncio.run_coroutine_threadsafe(boom(), loop).result()


def test_logged_by_a_wider_loop(
    loop: asyncio.AbstractEventLoop, caplog: pytest.LogCaptureFixture
) -> None:
    async def lose() -> None:
        loop.create_task(boom())
        await asyncio.sleep(0)

    asyncio.run_coroutine_threadsafe(lose(), loop).result()
    assert "never retrieved" in caplog.text
