"""Every call of a runner ends: on backends that can't start, that die, and under Ctrl-C."""

from __future__ import annotations

import pytest

from inner import BACKENDS, Suite

# what makes a backend that can't start, and what the test is to fail with
CANNOT_START = """
import asyncio
import socket

import anyio
import pytest
import trio

refusal = RuntimeError("a test tried to use a socket")

def refuse(*args, **kwargs):
    raise refusal

class Clock(trio.abc.Clock):
    def start_clock(self):
        raise RuntimeError("a clock that does not start")

    def current_time(self):
        return 0.0

    def deadline_to_sleep_time(self, deadline):
        return 0.0

def no_loop():
    raise RuntimeError("no loop today")

@pytest.fixture
def no_sockets(monkeypatch):
    monkeypatch.setattr(socket, "socketpair", refuse)

@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_without_sockets(no_sockets):
    await anyio.sleep(0)

@pytest.mark.parametrize("anyio_backend", [("trio", {"clock": Clock()})], ids=["clock"])
async def test_with_a_clock():
    await anyio.sleep(0)

@pytest.mark.parametrize("anyio_backend", [("asyncio", {"loop_factory": no_loop})], ids=["factory"])
async def test_with_a_factory():
    await anyio.sleep(0)

@pytest.mark.parametrize("anyio_backend", [("trio", {"clok": 1})], ids=["option"])
async def test_with_an_option():
    await anyio.sleep(0)

@pytest.fixture
async def value(no_sockets, anyio_backend):
    return 1

@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_with_a_fixture(value):
    await anyio.sleep(0)

@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_innocent():
    await anyio.sleep(0.01)
"""


def test_a_backend_that_cannot_start_fails_the_test_that_asked_for_it(suite: Suite) -> None:
    """The error is the one that anyio alone shows, and the next test has nothing to do with it."""
    suite.write("test_it.py", CANNOT_START)
    arguments = ("-p", "no:randomly", "-W", "ignore")
    ours = suite.spawn(*arguments)
    alone = suite.spawn(*arguments, report=False, plugins=("anyio",))
    assert ours.counts == alone.counts == {"passed": 2, "failed": 5, "error": 2}
    for words in ("a test tried to use a socket", "does not start", "no loop today", "'clok'"):
        assert words in ours.text
        assert words in alone.text
    assert "anyrig itself" not in ours.text
    assert suite.lines()[1:] == []


# Ctrl-C as the call ends: the loop's stop for it stays behind
INTERRUPTED = """
import asyncio
import os
import signal

import anyio
import pytest

@pytest.fixture(scope="module")
def anyio_backend():
    return BACKEND

@pytest.fixture(scope="module")
async def server(anyio_backend):
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep_forever)
        yield
        await anyio.sleep(0.01)
        print("server closed")
        group.cancel_scope.cancel()

@pytest.fixture
async def client(server):
    yield
    await anyio.sleep(0.01)
    print("client closed")

def interrupt():
    os.kill(os.getpid(), signal.SIGINT)

async def test_it(server, client):
    asyncio.get_running_loop().call_soon(interrupt)

async def test_that_does_not_run(server):
    pass
"""


@pytest.mark.parametrize("backend", [one for one in BACKENDS if one != "trio"])
def test_ctrl_c_as_a_call_ends_tears_the_fixtures_down(suite: Suite, backend: str) -> None:
    """The fixtures end in the task that they began in, and the run ends as Ctrl-C ends one."""
    values = {
        "asyncio": '"asyncio"',
        "asyncio+uvloop": '("asyncio", {"use_uvloop": True})',
        "asyncio+eager": '("asyncio", {"loop_factory": anyrig.backends.eager_event_loop})',
    }
    text = INTERRUPTED.replace("BACKEND", values[backend])
    suite.write("test_it.py", f"import anyrig.backends\n{text}")
    ran = suite.spawn("-s")
    assert ran.status == 2
    assert "client closed\nserver closed" in ran.text
    assert "Event loop stopped" not in ran.text


# a signal between two lines of the runner's own, stood for by a seam that raises what it would
BETWEEN = """
import anyio
import pytest

from anyrig.runners.base import Runner

look = Runner.look_beside
errors = []

def interrupted(self, call):
    look(self, call)
    if errors:
        raise errors.pop()

Runner.look_beside = interrupted

@pytest.fixture(scope="module", params=["asyncio", "trio"])
def anyio_backend(request):
    return request.param

@pytest.fixture(scope="module")
async def server(anyio_backend):
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep_forever)
        yield
        await anyio.sleep(0.01)
        print("server closed")
        group.cancel_scope.cancel()

@pytest.mark.parametrize("error", [SystemExit("bye"), None])
async def test_it(server, error):
    if error is not None:
        errors.append(error)
"""


def test_what_a_signal_raises_between_two_lines_of_ours_ends_no_task(suite: Suite) -> None:
    """It is raised to the test, and the runner's task serves the next one and the fixtures."""
    suite.write("test_it.py", BETWEEN)
    ran = suite.spawn("-s", "-p", "no:randomly")
    assert ran.counts == {"passed": 2, "failed": 2}
    assert ran.text.count("SystemExit: bye") == 4  # and in the summary
    assert ran.text.count("server closed") == 2


EXITS = """
import sys

import anyio
import pytest

async def leave():
    sys.exit(6)

async def test_exits(task_group):
    task_group.start_soon(leave)
    await anyio.sleep(1)

@pytest.fixture(scope="module", params=["asyncio", "trio"])
def anyio_backend(request):
    return request.param

@pytest.fixture(scope="module")
async def group(anyio_backend):
    async with anyio.create_task_group() as group:
        yield group

async def test_exits_in_a_wider_group(group):
    group.start_soon(leave)
    await anyio.sleep(1)

async def test_next(group):
    await anyio.sleep(0)
"""


def test_sys_exit_in_a_task_is_told_once(suite: Suite) -> None:
    """A task that leaves the process fails the test, and not its teardown and the next test too."""
    suite.write("test_it.py", EXITS)
    ran = suite.spawn("-p", "no:randomly")
    assert ran.counts == {"failed": 4, "passed": 2}
    assert ran.text.count("SystemExit: 6\n") == 2 * 4  # and in the summary


HELD = """
import time

import anyio
import pytest

@pytest.mark.anyrig(timeout=0.5, backends=["trio"])
async def test_holds(task_group):
    task_group.start_soon(anyio.sleep_forever)
    time.sleep(60)

@pytest.mark.anyrig(backends=["trio"])
async def test_enters():
    await anyio.create_task_group().__aenter__()

@pytest.mark.anyrig(backends=["trio"])
async def test_next():
    await anyio.sleep(0)
"""


def test_what_was_asked_in_one_call_does_not_end_the_next(suite: Suite) -> None:
    """The end of a test that held its thread is not that of its teardown too, on trio.

    A nursery that is never left has one line, and not trio's two pages.
    """
    suite.write("test_it.py", HELD)
    ran = suite.spawn("-p", "no:randomly")
    assert ran.counts == {"failed": 2, "passed": 1}
    found = [one for one in suite.found if one[0] != "blocked_loop"]  # on a slow machine
    assert found == [("timeout", "test_holds[trio]", "fail")]
    assert "was stopped in its call" in ran.text
    assert "has entered a nursery, a task group or a cancel scope and never left it" in ran.text
    assert "Traceback" not in ran.text


DOOMED = """
import anyio
import pytest
import trio

@pytest.fixture(scope="module")
def anyio_backend():
    return "trio"

@pytest.fixture(scope="module")
async def server(anyio_backend):
    async with anyio.create_task_group() as group:
        yield group
        group.cancel_scope.cancel()

def breaks():
    raise RuntimeError("it breaks the run")

async def test_breaks_the_run(server):
    trio.lowlevel.current_trio_token().run_sync_soon(breaks)
    await trio.sleep(10)

async def test_next(server):
    await trio.sleep(0)

async def test_cancels_the_run(server):
    trio.lowlevel.current_root_task().child_nurseries[0].cancel_scope.cancel()
    await trio.sleep(10)

async def test_last(server):
    await trio.sleep(0)
"""


def test_a_trio_run_that_dies_takes_no_other_test_with_it(suite: Suite) -> None:
    """The test in which a run breaks fails, and the next one gets a run that is whole."""
    suite.write("test_it.py", DOOMED)
    ran = suite.spawn("-p", "no:randomly", "-rA")
    assert "PASSED test_it.py::test_next" in ran.text, ran.text
    assert "PASSED test_it.py::test_last" in ran.text
    assert ran.text.count("FAILED test_it.py") == 2
    assert "it breaks the run" in ran.text


def test_what_cuts_off_each_call_is_told_and_harms_no_other_test(suite: Suite) -> None:
    """Who goes on cancelling the task of the tests is told, and the next test has another loop."""
    suite.ini("anyrig_backends = asyncio")
    suite.write(
        "test_it.py",
        """
        import asyncio
        import pytest

        @pytest.fixture(scope="module")
        def anyio_backend():
            return "asyncio"

        @pytest.fixture(scope="module")
        async def wide(anyio_backend):
            yield object()

        tasks, seen = [], []

        def start(times):
            me = asyncio.current_task()

            async def cancels():
                await asyncio.sleep(0)
                for _ in range(times):
                    me.cancel()
                    await asyncio.sleep(0)
                await asyncio.sleep(3600)

            tasks.append(asyncio.create_task(cancels()))

        async def test_once(wide):
            seen.append(wide)
            start(1)

        async def test_after_once(wide):
            await asyncio.sleep(0)
            assert seen == [wide]

        async def test_always(wide):
            assert seen == [wide]
            start(100_000)

        async def test_after_always(wide):
            await asyncio.sleep(0.01)
            assert seen != [wide]
        """,
    )
    ran = suite.spawn("-p", "no:randomly")
    assert ran.counts == {"passed": 4, "error": 2}, ran.text
    assert [(one.kind.value, one.place.test) for one in suite.findings] == [
        ("leaked_task", "test_it.py::test_once"),
        ("leaked_task", "test_it.py::test_always"),
    ]


CANCELLED = """
import asyncio
import os

import anyio
import pytest
import trio

@pytest.fixture(autouse=True)
def nothing_is_left():
    assert "LEFT" not in os.environ

async def is_cancelled():
    raise asyncio.CancelledError("by hand")

async def is_cancelled_on_trio():
    with trio.CancelScope() as scope:
        scope.cancel()
        try:
            await trio.sleep_forever()
        except trio.Cancelled as error:
            cancelled = error
    raise cancelled  # the scope is left, and nobody catches it

async def cancelled(backend):
    await (is_cancelled_on_trio() if backend == "trio" else is_cancelled())

@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return request.param

@pytest.fixture
async def begins(anyio_backend):
    await cancelled(anyio_backend)
    yield

@pytest.fixture
async def gives(anyio_backend):
    await cancelled(anyio_backend)

@pytest.fixture
async def ends(anyio_backend):
    yield
    await cancelled(anyio_backend)

@pytest.fixture
async def ends_in_a_group(anyio_backend):
    yield
    try:
        await cancelled(anyio_backend)
    except BaseException as error:
        raise BaseExceptionGroup("both", [ValueError("its own"), error]) from None

@pytest.fixture
async def cancels_itself(anyio_backend):
    yield
    with anyio.CancelScope() as scope:
        scope.cancel()
        await anyio.sleep_forever()

@pytest.fixture(params=["begins", "gives", "ends", "ends_in_a_group", "cancels_itself"])
def name(request):
    return request.param

def test_it(monkeypatch, request, anyio_backend, name):
    monkeypatch.setenv("LEFT", name)
    request.getfixturevalue(name)

@pytest.fixture
async def server(anyio_backend):
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep_forever)
        yield
        group.cancel_scope.cancel()

async def fails():
    raise ValueError("from a system task")

@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_run_that_dies(monkeypatch, server):
    monkeypatch.setenv("LEFT", "it")
    trio.lowlevel.spawn_system_task(fails)
    await anyio.sleep_forever()

async def test_innocent(server):
    pass
"""


def test_no_cancellation_leaves_a_fixture(suite: Suite) -> None:
    """Whatever a fixture is cancelled by, it fails, and pytest tears down all the others."""
    suite.write("test_it.py", CANCELLED)
    done = suite.spawn("-p", "no:randomly", "--tb=short", "-rfE")
    assert "E   AssertionError" not in done.text, done.text
    for part, name in (("setup", "begins"), ("setup", "gives"), ("teardown", "ends")):
        assert f"the {part} of the fixture `{name}` ended in a cancellation" in done.text, done.text
    assert "ExceptionGroup: both" in done.text
    assert "of the fixture `cancels_itself`" not in done.text
    # two of each: `begins` and `gives` fail in the test, which asks for them
    assert done.counts == {"passed": 8, "failed": 5, "error": 5}, done.text
