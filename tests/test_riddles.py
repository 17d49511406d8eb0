"""What asyncio, anyio and pytest raise in riddles, and the sentence that stands below it."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from anyrig.backends import BACKENDS
from inner import Suite

LOCK = """
import asyncio

lock = asyncio.Lock()

async def work():
    async with lock:
        await asyncio.sleep(0)

async def test_first():
    await asyncio.gather(work(), work())

async def test_second():
    await asyncio.gather(work(), work())
"""
FRESH = """
import pytest

@pytest.fixture(autouse=True)
def fresh_lock(monkeypatch):
    monkeypatch.setattr("test_it.lock", asyncio.Lock())
"""


def test_lock_of_another_tests_loop(suite: Suite) -> None:
    """The lock is named, where it was made, whose loop it belongs to; what is typed mends it."""
    suite.ini("anyrig_backends = asyncio")
    suite.write("test_it.py", LOCK)
    ran = suite.spawn()
    assert ran.counts == {"failed": 1, "passed": 1}, ran.text
    assert "the Lock `lock` (test_it.py:3) belongs to the event loop" in ran.words
    assert "used it first, the one of test_it.py::test_first" in ran.words
    for line in FRESH.strip().splitlines()[2:]:
        assert f"            {line}\n" in ran.text
    suite.write("test_it.py", LOCK + FRESH)
    assert suite.spawn().counts == {"passed": 2}


KEPT = """
import asyncio

KEPT = {}

class Pool:
    def __init__(self):
        self.free = asyncio.Event()

async def test_first():
    pool = KEPT["pool"] = Pool()
    waits = asyncio.create_task(pool.free.wait())
    await asyncio.sleep(0)
    waits.cancel()

async def test_second():
    pool = KEPT["pool"]
    await pool.free.wait()

async def test_own_words():
    raise RuntimeError("the pool is bound to a different event loop")
"""


def test_thing_that_no_global_names(suite: Suite) -> None:
    """What is an attribute is named by it; an error that only sounds alike is left alone."""
    suite.ini("anyrig_backends = asyncio")
    suite.write("test_it.py", KEPT)
    ran = suite.spawn()
    assert ran.counts == {"failed": 2, "passed": 1}, ran.text
    assert "the Event `pool.free` belongs to the event loop" in ran.words
    assert "mend: make it anew for each test, in a fixture" in ran.words
    assert ran.text.count("belongs to the event loop") == 1


MISMATCH = """
import pytest

@pytest.fixture(scope="session")
async def client({argument}):
    yield 1

async def test_first(client):
    assert client == 1

async def test_second(client):
    assert client == 1
"""


@pytest.mark.parametrize("argument", ["", "anyio_backend"])
def test_fixture_wider_than_its_backend(suite: Suite, argument: str) -> None:
    """A ScopeMismatch, and what pytest makes of it in the next test, says what to type."""
    suite.write("test_it.py", MISMATCH.format(argument=argument))
    ran = suite.spawn()
    assert ran.counts == {"error": 4} or ran.status == 1, ran.text
    if argument and "Requesting fixture stack" not in ran.text:
        pytest.skip("pytest 8.0 says it in other words, without the fixture that asked")
    assert "the async fixture `client` is of session scope" in ran.words
    assert ran.text.count('            anyrig_backend_scope = "session"\n') >= 1
    assert ("give `client` the argument `anyio_backend`" in ran.words) == (not argument)
    suite.ini('anyrig_backend_scope = "session"')
    suite.write("test_it.py", MISMATCH.format(argument="anyio_backend"))
    assert suite.spawn().counts == {"passed": 4}


OWN = """
import pytest

@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.fixture(scope="module")
async def client(anyio_backend):
    yield 1

async def test_first(client):
    assert client == 1
"""


def test_fixture_wider_than_the_backend_of_a_project(suite: Suite) -> None:
    """A project that has an `anyio_backend` of its own is told to make that wider."""
    suite.write("test_it.py", OWN)
    ran = suite.spawn()
    assert ran.status == 1
    assert "mend: give your fixture `anyio_backend` the scope 'module'" in ran.words
    suite.write("test_it.py", OWN.replace("@pytest.fixture\n", '@pytest.fixture(scope="module")\n'))
    assert suite.spawn().counts == {"passed": 1}


SCOPE = """
import anyio
import pytest_asyncio

@pytest_asyncio.fixture
async def session():
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep, 60)
        yield "session"
        group.cancel_scope.cancel()

async def test_it(session):
    assert session == "session"
"""


def test_scope_that_another_task_has_left(suite: Suite) -> None:
    """The fixture is named whose setup and teardown pytest-asyncio runs in two tasks."""
    suite.write("pytest.ini", "[pytest]\nasyncio_mode = auto\n")
    suite.write("test_it.py", SCOPE)
    ran = suite.spawn(plugins=("anyio", "anyrig", "asyncio"))
    assert ran.counts == {"passed": 1, "error": 1}, ran.text
    assert "the setup and the teardown of the fixture `session` in two tasks" in ran.words
    assert "pip uninstall pytest-asyncio, and run `pytest -p anyrig_compat`" in ran.words


GENERATOR = """
import asyncio
import anyio

async def rows():
    with anyio.fail_after(5):
        yield 1
        yield 2

async def test_it():
    items = rows()
    await anext(items)
    await asyncio.create_task(items.aclose())
"""


def test_generator_that_another_task_has_closed(suite: Suite) -> None:
    """An async generator that yields in a scope is named, and how to close it."""
    suite.ini("anyrig_backends = asyncio")
    suite.write("test_it.py", GENERATOR)
    ran = suite.spawn()
    assert ran.counts == {"failed": 1}, ran.text
    assert "the async generator `rows` yields within a cancel scope" in ran.words
    assert "mend: close it in the task that iterates it:" in ran.words


WRONG = """
import pytest

@pytest.fixture(scope="module")
async def server({argument}):
    yield 1

async def test_server(server):
    pass
"""


def test_wrong_backend_names_the_fixture(suite: Suite) -> None:
    """The fixture that had started the other runner is named, its line, and what it lacks."""
    suite.write("test_it.py", WRONG.format(argument=""))
    ran = suite.spawn()
    assert ran.counts == {"failed": 1, "passed": 1}, ran.text
    assert "the fixture `server` (module scope, test_it.py:4) had started anyio's" in ran.words
    assert "mend: give `server` the argument `anyio_backend`: each backend has its own" in ran.words
    suite.write("test_it.py", WRONG.format(argument="anyio_backend"))
    assert suite.spawn().counts == {"passed": 2}


OWN_BACKEND = """
@pytest.fixture(scope={scope!r}, params=["asyncio", "trio"])
def anyio_backend(request):
    return request.param
"""


def test_wrong_backend_beside_ones_own_parameter(suite: Suite) -> None:
    """What is typed works: the argument alone where both are as wide, and the scope as well."""
    suite.write("test_it.py", WRONG.format(argument="") + OWN_BACKEND.format(scope="module"))
    ran = suite.spawn()
    assert ran.counts == {"failed": 1, "passed": 1}, ran.text
    assert "mend: give `server` the argument `anyio_backend`: each backend has its own" in ran.words
    wide = OWN_BACKEND.format(scope="module")
    suite.write("test_it.py", WRONG.format(argument="anyio_backend") + wide)
    assert suite.spawn().counts == {"passed": 2}


OTHER_MODULE = """
async def test_other():
    pass
"""
ONE_MODULE = """
import pytest

@pytest.fixture(scope="session")
def anyio_backend():
    return "asyncio"

@pytest.fixture(scope="session")
async def server(anyio_backend):
    yield 1

async def test_server(server):
    pass
"""


def test_one_modules_own_backend(suite: Suite) -> None:
    """An `anyio_backend` of one module starts the runner of all: both are named."""
    suite.write("test_one.py", ONE_MODULE)
    suite.write("test_two.py", OTHER_MODULE)
    ran = suite.spawn()
    assert ran.counts == {"failed": 1, "passed": 2}, ran.text
    assert "the fixture `server` (session scope, test_one.py:8) had started" in ran.words
    assert "or take the `anyio_backend` at test_one.py:4 away: both follow anyrig's" in ran.words
    assert 'anyrig_backend_scope = "session"\n' in ran.text
    suite.ini('anyrig_backend_scope = "session"')
    own = '@pytest.fixture(scope="session")\ndef anyio_backend():\n    return "asyncio"\n'
    suite.write("test_one.py", ONE_MODULE.replace(own, ""))
    assert suite.spawn().counts == {"passed": 4}


SIBLINGS = """
import asyncio
import pytest


queue = asyncio.Queue(1)
event = asyncio.Event()
condition = asyncio.Condition()
semaphore = asyncio.Semaphore(0)
ready = None
KEPT = {}

class Transport:
    def __init__(self):
        self._loop = asyncio.get_running_loop()

    def write(self):
        self._loop.call_soon(print)

class Client:
    __slots__ = ("transport",)

    def __init__(self):
        self.transport = None

    async def get(self):
        if self.transport is None:
            self.transport = Transport()
        self.transport.write()

client = Client()

async def waits():
    async with condition:
        await condition.wait()

async def test_first():
    global ready
    ready = asyncio.get_running_loop().create_future()
    KEPT["job"] = asyncio.gather(ready)
    for one in (queue.get(), event.wait(), semaphore.acquire(), waits()):
        task = asyncio.create_task(one)
        await asyncio.sleep(0)
        task.cancel()
    await client.get()
    await asyncio.sleep(0)

async def test_queue():
    await queue.get()

async def test_event():
    await event.wait()

async def test_semaphore():
    await semaphore.acquire()

async def test_condition():
    await waits()

async def test_future():
    await ready

async def test_job():
    await KEPT["job"]

async def test_client():
    await client.get()

async def make():
    return Transport()

@pytest.fixture
def own():
    return asyncio.run(make())

@pytest.fixture(scope="module")
def wide():
    return asyncio.run(make())

async def test_fixture(own):
    own.write()

async def test_wide_fixture(wide):
    wide.write()

async def test_other_words():
    assert client.transport
    raise RuntimeError("Event loop is closed")

async def test_others_words():
    assert KEPT
    raise RuntimeError("Task 1 got Future 2 attached to a different loop")

def test_closed_by_the_test():
    asyncio.run(make()).write()

def test_two_loops_of_its_own():
    one, other = asyncio.new_event_loop(), asyncio.new_event_loop()
    future = one.create_future()

    async def main():
        await future

    try:
        other.run_until_complete(main())
    finally:
        one.close()
        other.close()
"""
# test -> what its sentence names; all others have none
NAMED = {
    "queue": "the Queue `queue` (test_it.py:5)",
    "event": "the Event `event` (test_it.py:6)",
    "semaphore": "the Semaphore `semaphore` (test_it.py:8)",
    "condition": "the Condition `condition` (test_it.py:7)",
    "future": "the Future `ready` (test_it.py:9)",
    "job": "the _GatheringFuture that `KEPT` holds (test_it.py:10)",
    "client": "the Transport `client.transport` (test_it.py:30)",
    "fixture": "the Transport `own` belongs to another event loop, which is closed: one that the "
    "setup of this test made and closed",
    "wide_fixture": "the Transport `wide` belongs to another event loop, which is closed: that of "
    "the fixture `wide`",
}


@pytest.mark.parametrize("backend", ["asyncio", "asyncio+uvloop"])
def test_things_of_another_tests_loop(suite: Suite, backend: str) -> None:
    """Each is named, with whose loop it is; the test's own loops and words have no sentence."""
    if BACKENDS[backend].missing() is not None:
        pytest.skip("not installed")
    suite.ini(f"anyrig_backends = {backend}")
    suite.write("test_it.py", SIBLINGS)
    off = ("--anyrig-leaked-tasks=off", "--anyrig-missed-awaits=off")
    ran = suite.spawn("-p", "no:randomly", "--tb=short", *off)
    assert ran.counts == {"failed": 13, "passed": 1}, ran.text
    for words in NAMED.values():
        assert words in ran.words
    assert ran.words.count(" belongs to ") == len(NAMED), ran.text
    assert ran.words.count(f"test_it.py::test_first[{backend}]") == len(NAMED) - 2
    assert 'monkeypatch.setattr("test_it.client", Client())\n' in ran.text
    assert ran.words.count("make the fixture `own` an `async def`") == 1


WIDE_POOL = """
import asyncio
import pytest
import pytest_asyncio

class Pool:
    def __init__(self):
        self._loop = asyncio.get_running_loop()

    async def fetch(self):
        await self._loop.create_future()

@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool():
    return Pool()

@pytest.mark.asyncio{scope}
async def test_it(pool):
    {body}
"""


@pytest.mark.skipif(
    tuple(map(int, version("pytest-asyncio").split(".")[:2])) < (0, 24),
    reason="pytest-asyncio has loop_scope= from 0.24 on",
)
def test_fixture_on_a_wider_loop_than_the_test(suite: Suite) -> None:
    """The fixture is named, and what to type has the test run on its loop."""
    suite.write("pytest.ini", "[pytest]\nasyncio_mode = strict\n")
    suite.write("test_it.py", WIDE_POOL.format(scope="", body="await pool.fetch()"))
    ran = suite.spawn(plugins=("anyio", "anyrig", "asyncio"))
    assert "the Pool `pool` belongs to another event loop: that of the fixture `pool`" in ran.words
    typed = '@pytest.mark.asyncio(loop_scope="module")'
    assert f"            {typed}\n" in ran.text
    body = "assert pool._loop is asyncio.get_running_loop()"
    suite.write("test_it.py", WIDE_POOL.format(scope='(loop_scope="module")', body=body))
    assert suite.spawn(plugins=("anyio", "anyrig", "asyncio")).counts == {"passed": 1}


WIDE_AND_OTHER = """
import asyncio
import pytest

class Pool:
    def __init__(self):
        self._loop = asyncio.get_running_loop()

@pytest.fixture(scope="module")
async def pool(anyio_backend):
    return Pool()

async def test_first(pool):
    pass

async def test_second(pool):
    other = asyncio.new_event_loop()
    future = other.create_future()
    try:
        await future
    finally:
        other.close()
"""


def test_what_is_on_the_running_loop_is_not_named(suite: Suite) -> None:
    """A wide fixture's thing is of the loop that runs, and a test's own loop needs no sentence."""
    suite.ini("anyrig_backends = asyncio", "anyrig_backend_scope = module")
    suite.write("test_it.py", WIDE_AND_OTHER)
    ran = suite.spawn("-p", "no:randomly")
    assert ran.counts == {"failed": 1, "passed": 1}, ran.text
    assert "attached to a different loop" in ran.words
    assert " belongs to " not in ran.words
