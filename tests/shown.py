"""The suites whose whole reports are kept in ``tests/expected/``, as a terminal shows them.

Each kind of finding on both backends, with names, lines and paths that are longer than a terminal
is wide; and what a report makes of the same fault of many examples, tests and subtests.
"""

from __future__ import annotations

import pytest

MISSED_AWAIT = """
class Storage:
    async def save_all_of_the_documents(self, *documents, overwrite=False, compress=True):
        return documents

async def test_nothing_is_saved_by_the_storage():
    storage = Storage()
    storage.save_all_of_the_documents("the first one", "the second one", overwrite=True, compress=False)

async def test_saves():
    storage = Storage()
    await storage.save_all_of_the_documents("the first one")
"""

NEVER_RAN = """
import functools

def retried(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        function(*args, **kwargs)
    return wrapper

@retried
async def test_is_swallowed_by_its_decorator():
    assert False

def decorated_twice(function):
    return retried(retried(function))

@decorated_twice
async def test_is_swallowed_by_two():
    assert False
"""

WRONG_BACKEND = """
import pytest

@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"

@pytest.fixture(scope="module")
async def connection_to_the_server(anyio_backend):
    yield

async def test_right(connection_to_the_server):
    pass

@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_wrong():
    pass
"""

LEAKED_TASK = """
import anyio, asyncio, sniffio, trio

STARTED = []

async def follows_the_price_of_the_shares_at_the_exchange(name):
    await anyio.sleep(3600)

async def in_the_background(function, *args):
    if sniffio.current_async_library() == "trio":
        trio.lowlevel.spawn_system_task(function, *args)
    else:
        STARTED.append(asyncio.create_task(function(*args)))
    await anyio.sleep(0)

async def test_starts_what_it_does_not_end():
    await in_the_background(follows_the_price_of_the_shares_at_the_exchange, "ACME")
"""

LOST_EXCEPTION = """
import threading
import pytest

class ConnectionToTheExchangeWasRefused(Exception):
    pass

def reads_all_of_the_prices():
    raise ConnectionToTheExchangeWasRefused("the exchange in the city of Frankfurt does not answer")

async def test_reader_dies():
    thread = threading.Thread(target=reads_all_of_the_prices, name="reader of the prices")
    thread.start()
    thread.join()

def parses(text):
    try:
        return int(text)
    except ValueError as error:
        raise LookupError(f"no price in {text!r}, which was read from the exchange a moment ago") from error

async def test_parser_dies():
    thread = threading.Thread(target=parses, args=("a price that nobody can read",), name="parser")
    thread.start()
    thread.join()
"""

LEAKED_ASYNCGEN = """
async def all_of_the_rows_of_the_table(table, *, batch_size=100, order_by="the time of the change"):
    try:
        yield 1
        yield 2
    finally:
        pass

async def test_first_row():
    async for row in all_of_the_rows_of_the_table("shares", batch_size=10, order_by="name"):
        break
"""

LEAKED_THREAD = """
import threading
import pytest

OVER = threading.Event()

@pytest.fixture(scope="module", autouse=True)
def over():
    yield
    OVER.set()

class Poller:
    def __init__(self, name):
        threading.Thread(target=self.polls_the_exchange, name=name, daemon=True).start()

    def polls_the_exchange(self):
        OVER.wait()

@pytest.mark.parametrize("number", range(3))
async def test_poller_is_left(number):
    Poller("the poller of the exchange in the city of Frankfurt, for all of its shares")

@pytest.mark.anyrig(leaked_threads="fail")
async def test_other_is_left():
    Poller("other")
"""

BLOCKED_LOOP = """
import time
import pytest

class Client:
    def reads_the_whole_answer_of_the_server_without_letting_go_of_the_loop(self):
        time.sleep(4)

@pytest.mark.anyrig(blocked_loop_after=1, blocked_loop="fail")
async def test_holds_the_loop():
    client = Client()
    client.reads_the_whole_answer_of_the_server_without_letting_go_of_the_loop(); done = True
"""

DEADLOCK = """
import contextlib
import anyio

@contextlib.asynccontextmanager
async def workers(queue, *, number):
    async with anyio.create_task_group() as group:
        for index in range(number):
            group.start_soon(work, queue, name=f"worker {index} of the queue that holds what is to be done")
        yield group

async def work(queue):
    async for job in queue:
        pass

async def test_stream_is_never_closed():
    jobs, queue = anyio.create_memory_object_stream(10)
    async with workers(queue, number=1):
        await jobs.send("the only one")

async def test_lock_is_held():
    lock, ready = anyio.Lock(), anyio.Event()

    async def holds_the_lock_until_it_is_told_that_all_of_the_others_are_ready_to_have_it(*, task_status):
        async with lock:
            task_status.started()
            await ready.wait()

    async with anyio.create_task_group() as group:
        await group.start(holds_the_lock_until_it_is_told_that_all_of_the_others_are_ready_to_have_it, name="holder")
        async with lock:
            ready.set()
"""

TIMEOUT = """
import anyio
import pytest

class Client:
    async def waits_until_the_server_has_an_answer(self, *, how_long, at_most=None):
        await anyio.sleep(how_long)

@pytest.mark.anyrig(timeout=5)
async def test_server_never_answers():
    client = Client()
    await client.waits_until_the_server_has_an_answer(how_long=3600, at_most="for as long as it takes")
"""

LEAKED_CONTEXTVAR = """
import contextvars
import pytest

user = contextvars.ContextVar("the user who is logged in at the moment")

@pytest.fixture(scope="module")
async def server(anyio_backend):
    yield

@pytest.mark.anyrig(leaked_contextvars="fail")
async def test_logs_in(server):
    user.set("somebody with a name that is a little longer than the names of most of us are")

async def test_next(server):
    pass
"""

UNUSED_STUB = """
import pytest

@pytest.mark.anyrig(unused_stubs="fail")
async def test_asks_for_less(mocks):
    mocks.stub("the_hook_that_is_called_when_a_price_changes", return_value=1)
    reads = mocks.stub("reads", side_effect=[1, 2, 3])
    await reads()
"""

# one fault, and what tells it again and again
EXAMPLES = """
from unittest.mock import AsyncMock
from hypothesis import Phase, example, given, settings, strategies as st

async def reach(host, port):
    return True

each = settings(phases=[Phase.explicit], database=None, deadline=None)

@each
@given(port=st.integers(1, 65535))
@example(22)
@example(80)
@example(443)
async def test_any_port(port):
    reach("192.0.2.1", port)

@each
@given(port=st.integers(1, 65535))
@example(22)
@example(80)
@example(443)
@example(8080)
@example(8443)
async def test_any_port_of_a_mock(port):
    connect = AsyncMock(name="connect")
    connect("192.0.2.1", port)
"""

PARAMETERS = """
import pytest

async def reach(host, port):
    return True

def is_reachable(port):
    return bool(reach("192.0.2.1", port))

@pytest.mark.parametrize("port", [22, 80, 443])
async def test_port(port):
    assert is_reachable(port)

async def test_other_line():
    reach("192.0.2.1", 22)

async def test_port_and_other_line():
    is_reachable(8080)
    reach("192.0.2.1", 8080)
"""

WRONG_THREAD = """
import asyncio
import threading
import time

import pytest

@pytest.mark.anyrig(backends=["asyncio"])
async def test_download():
    event = asyncio.Event()

    def work():
        time.sleep(0.5)  # the download
        event.set()

    threading.Thread(target=work).start()
    await event.wait()
"""

SUBTESTS = """
async def reach(host, port):
    return True

async def test_ports(subtests):
    for port in (22, 80, 443):
        with subtests.test(port=port):
            reach("192.0.2.1", port)
"""

SUITES = {
    "missed_await": MISSED_AWAIT,
    "never_ran": NEVER_RAN,
    "wrong_backend": WRONG_BACKEND,
    "leaked_task": LEAKED_TASK,
    "lost_exception": LOST_EXCEPTION,
    "leaked_asyncgen": LEAKED_ASYNCGEN,
    "leaked_thread": LEAKED_THREAD,
    "blocked_loop": BLOCKED_LOOP,
    "deadlock": DEADLOCK,
    "timeout": TIMEOUT,
    "leaked_contextvar": LEAKED_CONTEXTVAR,
    "unused_stub": UNUSED_STUB,
    "wrong_thread": WRONG_THREAD,
    # one fault, told again and again
    "examples": EXAMPLES,
    "parameters": PARAMETERS,
}
if pytest.version_tuple >= (9,):
    SUITES["subtests"] = SUBTESTS
