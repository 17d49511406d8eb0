"""What asyncio, anyio and pytest raise in riddles, and the sentence that stands below it."""

from __future__ import annotations

import pytest

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
