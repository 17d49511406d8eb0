"""Threads that end with their test, or are somebody else's."""

from __future__ import annotations

import asyncio
import concurrent.futures
import http.client
import http.server
import multiprocessing.pool
import sys
import threading
from collections.abc import AsyncGenerator, Generator

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest
import sniffio

POOL = concurrent.futures.ThreadPoolExecutor(1)
STOP = threading.Event()
TURNS = 1000


def teardown_module() -> None:
    POOL.shutdown()
    STOP.set()


class Poller:
    def __init__(self) -> None:
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.stopped.wait, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.stopped.set()


def test_joined() -> None:
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()


def test_never_started() -> None:
    assert not threading.Thread(target=int).is_alive()


def test_told_to_stop_and_not_joined() -> None:
    def work() -> None:
        stopped.wait()
        for _ in range(TURNS):
            threading.Event().set()

    stopped = threading.Event()
    threading.Thread(target=work).start()
    stopped.set()


async def test_timer_that_is_cancelled() -> None:
    timer = threading.Timer(3600, int)
    timer.start()
    timer.cancel()


def test_start_that_fails() -> None:
    class Unmade(threading.Thread):
        def __init__(self) -> None:
            pass

    with pytest.raises(RuntimeError):
        Unmade().start()
    thread = threading.Thread(target=int)
    thread.start()
    with pytest.raises(RuntimeError):
        thread.start()


@pytest.fixture
def poller() -> Generator[Poller]:
    poller = Poller()
    yield poller
    poller.stop()


async def test_fixture_stops_it(poller: Poller) -> None:
    assert poller.thread.is_alive()


@pytest.fixture
async def async_poller(anyio_backend: object) -> AsyncGenerator[list[Poller]]:
    pollers: list[Poller] = []
    yield pollers
    for poller in pollers:
        poller.stop()


async def test_fixture_stops_what_the_test_starts(async_poller: list[Poller]) -> None:
    async_poller.append(Poller())


@pytest.fixture(scope="class")
def sync_wide() -> Generator[Poller]:
    poller = Poller()
    yield poller
    poller.stop()


@pytest.fixture(scope="class")
async def wide(anyio_backend: object) -> AsyncGenerator[anyio.Event]:
    async def serve() -> None:
        await wanted.wait()
        pollers.append(Poller())  # for a test, but not the test's

    wanted = anyio.Event()
    pollers = [Poller()]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(serve)
        yield wanted
        tasks.cancel_scope.cancel()
    for poller in pollers:
        poller.stop()


class TestScopes:
    def test_sync(self, sync_wide: Poller) -> None:
        assert sync_wide.thread.is_alive()

    async def test_async(self, wide: anyio.Event) -> None:
        wanted = wide
        wanted.set()
        await anyio.wait_all_tasks_blocked()

    async def test_asked_for_in_the_test(self, request: pytest.FixtureRequest) -> None:
        assert request.getfixturevalue("sync_wide").thread.is_alive()

    async def test_last(self, wide: anyio.Event) -> None:
        pass


class TestXunit:
    poller: Poller

    @classmethod
    def setup_class(cls) -> None:
        cls.poller = Poller()

    @classmethod
    def teardown_class(cls) -> None:
        cls.poller.stop()

    def test_first(self) -> None:
        assert self.poller.thread.is_alive()

    def test_second(self) -> None:
        assert self.poller.thread.is_alive()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Generator[http.client.HTTPConnection]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port)
        yield connection
        connection.close()
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("number", range(2))
def test_thread_of_a_server_for_a_connection(
    server: http.client.HTTPConnection, number: int
) -> None:
    server.request("GET", "/")
    with server.getresponse() as response:
        assert response.status == 204


async def test_workers() -> None:
    await anyio.to_thread.run_sync(int)


def test_executor_of_the_module() -> None:
    assert POOL.submit(int).result() == 0


def test_portal() -> None:
    with anyio.from_thread.start_blocking_portal("asyncio") as portal:
        assert portal.call(int) == 0


def test_default_executor() -> None:
    async def main() -> None:
        await asyncio.to_thread(int)

    asyncio.run(main())


def test_pool_of_multiprocessing() -> None:
    with multiprocessing.pool.ThreadPool(1) as pool:
        assert pool.apply(int) == 0


async def test_subprocess() -> None:
    if sniffio.current_async_library() == "asyncio":
        # on Python 3.11 a thread waits for it
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
        assert await process.wait() == 0


@pytest.mark.anyrig(leaked_threads="off")
async def test_off() -> None:
    thread = threading.Thread(target=STOP.wait, daemon=True)
    thread.start()
