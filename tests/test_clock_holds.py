"""What holds virtual time, told by what is at the other end of a thread, a pipe or a socket."""

from __future__ import annotations

import os
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from math import inf

import anyio
import pytest
from anyio import to_thread

from anyrig import Clock
from anyrig.clock.descriptors import identity, other_end
from anyrig.clock.holds import Holds
from anyrig.seams.cpython import stacks

on_both = pytest.mark.anyrig(backends=["asyncio", "trio"])


# -- descriptors -----------------------------------------------------------------------------------


def _open_descriptors() -> int:
    return len(os.listdir("/dev/fd"))


def test_a_pipe_with_both_ends_here_is_nobody_elses() -> None:
    """Nobody but this process writes to it."""
    ends = os.pipe()
    try:
        assert [other_end(fd) for fd in ends] == [None, None]
    finally:
        for fd in ends:
            os.close(fd)


def test_a_pipe_to_a_subprocess_is() -> None:
    """The other end of its output is its own."""
    command = [sys.executable, "-c", "input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        other = other_end(process.stdout.fileno())
        process.communicate(b"\n")
    assert other is not None
    assert (other.words, other.is_process) == ("a pipe of another process", False)


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="pidfds are Linux's own")
def test_the_end_of_a_subprocess_is_told_with_its_number() -> None:
    """A pidfd is a subprocess."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        fd = os.pidfd_open(process.pid)
        try:
            other = other_end(fd)
        finally:
            os.close(fd)
            process.communicate(b"\n")
    assert other is not None
    assert (other.words, other.is_process) == (f"the subprocess {process.pid}", True)


def test_a_socketpair_is_here() -> None:
    """Both of its ends are this process's."""
    left, right = socket.socketpair()
    with left, right:
        other = other_end(left.fileno())
    assert other is not None
    assert other.is_here


def test_a_listening_socket_is_nobodys() -> None:
    """Who connects to it holds the clock himself."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert other_end(server.fileno()) is None


def test_a_connection_is_here_if_its_other_end_is() -> None:
    """It is known by the names of both ends; nothing is left open by the question."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        before = _open_descriptors()
        waiting = other_end(client.fileno())  # nobody has accepted it yet
        accepted, _ = server.accept()
        with accepted:
            other = other_end(client.fileno())
            assert _open_descriptors() == before + 1
    assert waiting is not None
    assert not waiting.is_here
    assert other is not None
    assert other.is_here
    assert other.words == f"the socket to 127.0.0.1:{server_port(waiting.words)}"


def server_port(words: str) -> str:
    """The port that a socket's words end with."""
    return words.rpartition(":")[2]


@pytest.mark.skipif(not hasattr(socket, "TCP_INFO"), reason="what TCP has sent is Linux's to tell")
def test_a_connection_that_is_used_is_a_new_one() -> None:
    """An idle connection stays what it was, until something is sent."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
        with client, accepted:
            first, again = identity(client.fileno()), identity(client.fileno())
            client.sendall(b"?")
            accepted.recv(1)
            used = identity(client.fileno())
    assert first == again
    assert used != first


def test_what_is_closed_holds_nothing() -> None:
    """A descriptor that was closed meanwhile is no error."""
    read, write = os.pipe()
    os.close(read)
    os.close(write)
    assert identity(read) is None
    assert other_end(read) is None


# -- threads ---------------------------------------------------------------------------------------


class _Server(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        release: threading.Event = self.server.release  # type: ignore[attr-defined]
        while data := self.request.recv(10):
            release.wait(0.05)  # stands for work that takes some real time
            self.request.sendall(data)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server in threads of its own."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Server) as server:
        server.daemon_threads = True
        server.release = threading.Event()  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.mark.anyrig(backends=["asyncio", "trio"], leaked_threads="off")
async def test_a_server_in_a_thread_has_time_to_answer_each_request(
    clock: Clock, port: int
) -> None:
    """Also after it was idle for so long that it was taken for what runs beside the test."""
    async with await anyio.connect_tcp("127.0.0.1", port) as client:
        for number in range(3):
            with anyio.fail_after(30):
                await client.send(b"?")
                assert await client.receive() == b"?"
            await anyio.sleep(3600)
            assert clock.time() == 3600 * (number + 1)


@on_both
async def test_a_worker_that_waits_for_what_comes_later_is_no_deadlock(clock: Clock) -> None:
    """A call holds the clock for no longer than real time would take to the next timer."""
    clock.patience = 0
    event = threading.Event()

    async def set_later() -> None:
        await anyio.sleep(0.001)
        event.set()

    async with anyio.create_task_group() as group:
        group.start_soon(set_later)
        assert await to_thread.run_sync(event.wait, 60)


def test_a_thread_that_is_about_to_begin_is_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no frame yet, and who has started it waits for it."""
    thread = threading.Thread()
    limbo: dict[threading.Thread, threading.Thread] = threading._limbo  # type: ignore[attr-defined]
    monkeypatch.setitem(limbo, thread, thread)
    assert (id(thread), stacks.Doing.OTHER) in [*stacks.at_work(stacks.threads())]


def test_a_pools_thread_is_idle_also_where_its_lock_is_wrapped() -> None:
    """Tools that look for blocking calls put a frame of their own into the pool's wait."""
    known = stacks.threads()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()
        assert [*stacks.at_work(known)] == []
        begun, done = threading.Event(), threading.Event()

        def work() -> None:
            begun.set()
            while not done.is_set():
                pass

        pool.submit(work)
        begun.wait()
        assert [doing for _, doing in stacks.at_work(known)] == [stacks.Doing.CALL]
        done.set()


# -- patience --------------------------------------------------------------------------------------


def _holds(descriptors: list[int]) -> Holds:
    holds = Holds(stacks.threads, lambda ident, doing: doing.value)
    holds.begin(list, int)
    holds.begin(lambda: descriptors, int)
    return holds


def test_what_is_named_holds_for_as_long_as_it_takes() -> None:
    """`until` says what it waits for; patience has no part in it."""
    holds = _holds([])
    holds.patience = 0
    with holds.named("until() waits for the thread"):
        assert holds.look(inf) > 0
        assert holds.words() == ["until() waits for the thread"]
    assert holds.look(inf) == 0


def test_patience_has_an_end() -> None:
    """What may never end holds the clock for so many real seconds, and no more in this test."""
    holds = Holds(stacks.threads, lambda ident, doing: doing.value)
    command = [sys.executable, "-c", "input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        fd = process.stdout.fileno()
        holds.begin(lambda: [fd], int)
        holds.patience = inf
        assert holds.look(1) > 0
        holds.patience = 0
        assert holds.look(1) == 0
        process.communicate(b"\n")
