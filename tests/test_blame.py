"""Who is told, and who is not: the test that made it, or nobody."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from anyrig.backends import BACKENDS
from anyrig.findings import Kind
from inner import Suite
from support import Ran

BESIDE = ("anyio", "anyrig", "pytest_asyncio.plugin")
SHIM = ("anyio", "anyrig", "anyrig_compat")

WIDE_LOOP = """
    import asyncio
    import pytest
    import pytest_asyncio

    pytestmark = pytest.mark.asyncio(loop_scope="module")

    async def background():
        await asyncio.sleep(3600)

    async def ends():
        await asyncio.sleep(0)

    @pytest_asyncio.fixture(scope="module", loop_scope="module")
    async def server():
        task = asyncio.create_task(background())
        yield
        task.cancel()

    async def test_first(server):
        pass

    async def test_leaks(server):
        asyncio.create_task(background())
        await asyncio.sleep(0)

    async def test_leaks_what_ends(server):
        asyncio.create_task(ends())

    async def test_innocent(server):
        await asyncio.sleep(0)
"""


def errors_of(ran: Ran) -> list[str]:
    """The tests that failed or ended in an error, by pytest's short summary."""
    words = [line.split() for line in ran.text.splitlines()]
    return [one[1].partition("::")[2] for one in words if one[:1] in (["ERROR"], ["FAILED"])]


has_loop_scopes = pytest.mark.skipif(
    tuple(map(int, version("pytest-asyncio").split(".")[:2])) < (0, 24),
    reason="pytest-asyncio has loop_scope= from 0.24 on",
)


@pytest.mark.parametrize(
    "plugins",
    [pytest.param(BESIDE, marks=has_loop_scopes), SHIM],
    ids=["pytest-asyncio", "shim"],
)
def test_leak_on_a_loop_wider_than_a_test(suite: Suite, plugins: tuple[str, ...]) -> None:
    """It is the leak of the test that made the task, and `next:` runs that one."""
    suite.write("pytest.ini", "[pytest]\nasyncio_mode = strict\n")
    suite.write("test_it.py", WIDE_LOOP)
    ran = suite.spawn("-rfE", "--anyrig-leaked-tasks=fail", plugins=plugins)
    assert suite.found == [("leaked_task", "test_leaks", "fail")], ran.text
    assert errors_of(ran) == ["test_leaks"], ran.text
    assert "next: pytest test_it.py::test_leaks\n" in ran.text


WIDE_CLIENT = """
import asyncio
import threading

import pytest

ENDS = {ends}

class Client:
    def __init__(self):
        self.reader = None
        self.ended = threading.Event()

    async def get(self):
        if self.reader is None:
            self.asked = asyncio.Queue()
            self.reader = asyncio.create_task(self.read())
            self.thread = threading.Thread(target=self.ended.wait, name="poll", daemon=True)
            self.thread.start()
        answer = asyncio.get_running_loop().create_future()
        await self.asked.put(answer)
        return await answer

    async def read(self):
        while True:
            (await self.asked.get()).set_result(1)

    async def close(self):
        if ENDS:
            self.reader.cancel()
            self.ended.set()
            self.thread.join()

@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"

@pytest.fixture(scope="module")
async def client():
    client = Client()
    yield client
    await client.close()

@pytest.fixture(scope="module")
async def queue():
    return asyncio.Queue()

async def test_first(client):
    assert await client.get() == 1

async def test_second(client):
    assert await client.get() == 1
"""
LEFT_ON_A_QUEUE = """
async def test_leaks(queue):
    asyncio.create_task(queue.get())
    await asyncio.sleep(0)

async def test_after(queue):
    assert queue.empty()

async def save():
    pass

async def rows():
    try:
        yield 1
    finally:
        pass

def raises():
    raise KeyError("late")

def forgets():
    save()

async def leaves():
    for _ in range(100):
        await asyncio.sleep(0)
    async for row in rows():
        break

def soon(handle, turns):
    # in so many turns of the loop
    loop = asyncio.get_running_loop()
    loop.call_soon(*((soon, handle, turns - 1) if turns else (handle,)))

async def crashes():
    for _ in range(100):
        await asyncio.sleep(0)
    raise ValueError("late")

async def test_begins_a_task(client):
    client.task = asyncio.create_task(crashes())

async def test_begins_a_callback(client):
    soon(raises, 100)

async def test_begins_what_forgets(client):
    soon(forgets, 100)

async def test_begins_what_leaves(client):
    client.other = asyncio.create_task(leaves())

async def test_innocent(client):
    for _ in range(200):
        await asyncio.sleep(0)
    client.task = None
"""


def test_what_a_wider_fixtures_value_keeps(suite: Suite) -> None:
    """A client connects when it is first used, in some test: it is the client's, until it ends.

    What waits for a wider fixture's value is not kept by that. What is lost later, in a task or a
    callback, is told of the test that began it, as is what that forgets or leaves in the middle.
    """
    suite.ini("anyrig_leaked_threads = fail")
    suite.write("test_good.py", WIDE_CLIENT.format(ends=True) + LEFT_ON_A_QUEUE)
    suite.write("test_bad.py", WIDE_CLIENT.format(ends=False))
    ran = suite.spawn()
    begin = [f"test_begins_{what}" for what in ("a_callback", "a_task", "what_forgets")]
    begin.append("test_begins_what_leaves")
    assert sorted(errors_of(ran)) == [*begin, "test_first", "test_leaks"], ran.text[-3000:]
    assert ran.counts["passed"] == 11
    words = ran.text
    for told in ("the task `Client.read` is still running", "the thread `poll` is still alive"):
        assert f"{told} (test_bad.py:" in words
    assert "It was made in the call of test_bad.py::test_first" in words
    assert "the task `Queue.get` is still running" in words


def test_what_a_skipped_test_has_left_is_a_warning(suite: Suite) -> None:
    """A test that skips stays skipped, in its setup, call and teardown; others fail as ever."""
    suite.write(
        "test_it.py",
        """
        import unittest
        import anyio, pytest

        KEPT = []

        async def save():
            pass

        @pytest.fixture
        def skips():
            save()
            pytest.skip("no server")

        async def test_in_the_setup(skips):
            pass

        async def test_in_the_call():
            save()
            pytest.importorskip("no_such_module")

        async def test_unittests():
            save()
            raise unittest.SkipTest("no server")

        async def test_held():
            KEPT.append(save())
            pytest.skip("no server")

        async def test_expected_to_fail():
            save()
            pytest.xfail("no server")

        async def test_fails():
            save()
        """,
    )
    ran = suite.spawn("-rfEs", "--anyrig-backend=asyncio")
    skipped = ["test_in_the_setup", "test_in_the_call", "test_unittests", "test_held"]
    found = {str(test).partition("[")[0]: policy for _, test, policy in suite.found}
    assert {test: found[test] for test in skipped} == dict.fromkeys(skipped, "warn"), ran.text
    assert found["test_fails"] == "fail"
    assert errors_of(ran) == ["test_fails[asyncio]"], ran.text
    assert ran.counts == {"failed": 1, "skipped": 4, "xfailed": 1}


def test_thread_that_ends_with_the_value_of_a_fixture(suite: Suite) -> None:
    """pytest holds that value until the test is over; what something else holds is a leak."""
    suite.write(
        "test_it.py",
        """
        import gc
        import threading
        import pytest

        KEPT = []

        class Poller:
            def __init__(self):
                self.stop = threading.Event()
                self.thread = threading.Thread(target=self.stop.wait)
                self.thread.start()

            def __del__(self):
                self.stop.set()
                self.thread.join()

        @pytest.fixture
        def poller():
            yield Poller()

        def test_ends(poller):
            assert poller.thread.is_alive()

        def test_next():
            assert threading.active_count() == 1

        def test_caught(poller):
            with pytest.raises(ValueError) as caught:
                raise ValueError(poller)
            gc.collect()  # they are old now
            assert caught.value

        def test_held(poller):
            KEPT.append(poller)

        def test_lets_go():
            KEPT.clear()
        """,
    )
    ran = suite.spawn("-p", "no:randomly", "--anyrig-leaked-threads=fail")
    assert suite.found == [("leaked_thread", "test_held", "fail")], ran.text
    assert ran.counts == {"passed": 5, "error": 1}


def test_an_import_that_holds_the_loop(suite: Suite) -> None:
    """It is named by the line that imports, and goes to the head of the file, in no thread."""
    suite.write("slow.py", "import time\n\ndef wait():\n    time.sleep(0.4)\n\nwait()\n")
    suite.write("between.py", "import slow\n")
    suite.write(
        "test_it.py",
        """
        import pytest, time

        @pytest.mark.anyrig(blocked_loop="fail", blocked_loop_after=0.05, backends=["asyncio"])
        async def test_imports():
            import between

        @pytest.mark.anyrig(blocked_loop="fail", blocked_loop_after=0.05, backends=["asyncio"])
        async def test_calls():
            import slow
            slow.wait()
        """,
    )
    ran = suite.spawn("-p", "no:randomly")
    first, second = suite.findings
    assert (first.origin is not None, second.origin is not None) == (True, True)
    assert first.origin is not None
    assert (first.origin.path, first.origin.source) == ("test_it.py", "import between")
    assert first.summary.startswith("an import held the event loop")
    assert "to_thread" not in "".join(first.mend), ran.text
    assert "to_thread" in "".join(second.mend), ran.text


# -- kept on purpose -------------------------------------------------------------------------------

POLLER = """
    import threading
    import anyio, pytest

    class Agent(threading.Thread):
        def __init__(self):
            super().__init__(daemon=True, name="agent")
            self.ended = threading.Event()

        def run(self):
            while not self.ended.wait(0.01):
                pass

    @pytest.fixture(scope="session", autouse=True)
    def agent():
        agent = Agent()
        agent.start()
        yield agent
        agent.ended.set()
        agent.join()
"""


@pytest.mark.parametrize("pattern", ["agent", "Agent.run", "Ag*"])
def test_known_thread_wakes_nothing(suite: Suite, pattern: str) -> None:
    """A thread that polls for ever, and is known, hides no deadlock and holds no virtual time."""
    suite.ini(f"anyrig_known_threads = {pattern}")
    suite.write("conftest.py", POLLER)
    suite.write(
        "test_it.py",
        """
        import anyio, pytest

        @pytest.mark.anyrig(timeout=60)
        async def test_deadlock():
            await anyio.Event().wait()

        async def test_clock(clock):
            assert clock.held_by() == []
        """,
    )
    ran = suite.spawn("-p", "no:randomly")
    assert {(kind, policy) for kind, _, policy in suite.found} == {("deadlock", "fail")}, ran.text
    assert ran.counts == {"failed": 2, "passed": 2}


def test_thread_that_is_not_known_holds_time_and_is_a_leak(suite: Suite) -> None:
    """The twin: nothing names it. The marker's word names it for one test."""
    suite.write("conftest.py", POLLER)
    suite.write(
        "test_it.py",
        """
        import pytest
        from conftest import Agent

        AGENTS = []

        async def test_clock(clock):
            assert len(clock.held_by()) == 1

        def test_leaks():
            AGENTS.append(Agent())
            AGENTS[0].start()

        @pytest.mark.anyrig(known_threads=["Agent.run"])
        def test_keeps():
            AGENTS.append(Agent())
            AGENTS[1].start()

        def test_ends():
            for agent in AGENTS:
                agent.ended.set()
                agent.join()
        """,
    )
    ran = suite.spawn("-p", "no:randomly", "--anyrig-leaked-threads=fail")
    assert suite.found == [("leaked_thread", "test_leaks", "fail")], ran.text
    assert ran.counts == {"passed": 5, "error": 1}


LIBRARY = """
    import asyncio
    import threading

    async def _shutdown_watcher():
        await asyncio.sleep(3600)

    class Sender:
        def __init__(self):
            self.ended = threading.Event()
            self.thread = threading.Thread(target=self.send)
            self.thread.start()

        def send(self):
            self.ended.wait()
"""


def test_what_libraries_keep_on_purpose(suite: Suite) -> None:
    """The built-in list goes by the module: a function of that name elsewhere is no library's."""
    suite.write("sse_starlette/sse.py", LIBRARY)
    suite.write("sentry_sdk/worker.py", LIBRARY)
    suite.write("mine.py", LIBRARY)
    suite.write(
        "test_it.py",
        """
        import asyncio, pytest
        import mine, sse_starlette.sse, sentry_sdk.worker

        SENDERS = []

        @pytest.mark.parametrize("anyio_backend", ["asyncio"])
        async def test_theirs():
            SENDERS.append(sentry_sdk.worker.Sender())
            task = asyncio.create_task(sse_starlette.sse._shutdown_watcher())
            await asyncio.sleep(0)

        @pytest.mark.parametrize("anyio_backend", ["asyncio"])
        async def test_mine():
            SENDERS.append(mine.Sender())
            task = asyncio.create_task(mine._shutdown_watcher())
            await asyncio.sleep(0)

        def test_ends():
            for sender in SENDERS:
                sender.ended.set()
                sender.thread.join()
        """,
    )
    ran = suite.spawn("-p", "no:randomly")
    found = sorted(suite.found)
    assert [(kind, test) for kind, test, _ in found] == [
        ("leaked_task", "test_mine[asyncio]"),
        ("leaked_thread", "test_mine[asyncio]"),
    ], ran.text


def test_the_list_is_printed(suite: Suite) -> None:
    """``--anyrig-known`` prints what is built in and what the settings add, and runs nothing."""
    suite.ini("anyrig_known_threads = statsd*", "anyrig_known_tasks = Watcher.watch")
    suite.write("test_it.py", "def test_it():\n    raise KeyError\n")
    ran = suite.spawn("--anyrig-known", report=False)
    assert ran.status == 0
    for line in (
        "  sse_starlette.*._shutdown_watcher",
        "  sentry_sdk.*",
        "  statsd*  (anyrig_known_threads)",
        "  Watcher.watch  (anyrig_known_tasks)",
    ):
        assert f"{line}\n" in ran.text
    assert max(map(len, ran.text.splitlines())) <= 80


@pytest.mark.parametrize("backends", ["asyncio+eager", "asyncio+uvloop asyncio+eager", "asyncio"])
def test_a_library_stands_for_its_backends(suite: Suite, backends: str) -> None:
    """``backends=["asyncio"]`` is right wherever a run has asyncio, in whichever form."""
    if any(BACKENDS[name].missing() for name in backends.split()):
        pytest.skip("a backend is not there")
    suite.ini(f"anyrig_backends = {backends} trio")
    suite.write(
        "test_it.py",
        """
        import pytest

        @pytest.mark.anyrig(backends=["asyncio"])
        async def test_it(): ...
        """,
    )
    assert suite.ids() == backends.split()


DEEP = """
async def ping():
    pass


class Result:
    def __init__(self, coroutine):
        self.coroutine = coroutine


def refuse(result):
    raise LookupError


def one_more(depth):
    if depth:
        return one_more(depth - 1)
    return refuse(Result(ping()))


def fetch(depth=60):
    return one_more(depth)


def hand_up(depth=60):
    return hand_up(depth - 1) if depth else ping()
"""
DEEP_TESTS = """
import sys

import pytest

sys.path.insert(0, "site-packages")
import deep

KEPT = []


def name_of():
    return deep.fetch()  # HERE


async def test_dropped():
    with pytest.raises(LookupError):  # HERE
        name_of()


async def test_dropped_in_a_cycle():
    with pytest.raises(LookupError) as caught:
        name_of()
    caught.value.itself = caught


async def test_kept():
    try:
        name_of()
    except LookupError as error:
        KEPT.append(error)


def test_sync():
    try:
        deep.fetch()  # HERE
    except LookupError as error:
        KEPT.append(error)


async def test_handed_up():
    deep.hand_up()  # HERE
"""


def test_what_a_library_drops_deep_inside(suite: Suite) -> None:
    """It is told with the user's line that led there, and with the library's own."""
    suite.ini("anyrig_backends = asyncio trio")
    suite.write("site-packages/deep.py", DEEP)
    suite.write("test_it.py", DEEP_TESTS)
    done = suite.spawn()
    assert done.counts == {"failed": 9}, done.text
    assert len(suite.findings) == 9
    lines: set[int] = set()
    mends: set[str] = set()
    for finding in suite.findings:
        assert finding.kind is Kind.MISSED_AWAIT
        assert finding.origin is not None
        assert finding.origin.path == "test_it.py"
        assert finding.origin.source.endswith("# HERE")
        assert finding.origin.inside is not None
        lines.add(finding.origin.lineno)
        mends.update(finding.mend)
        is_where_dropped = any("the one that dropped it" in line for line in finding.details)
        assert is_where_dropped is not finding.origin.exact
    assert len(lines) == 4
    assert mends == {
        "`one_more` made it for itself (site-packages/deep.py:17) and never awaited it",
        "`hand_up` gives it to its caller (test_it.py:41):",
        "    await deep.hand_up()",
    }


DIES_LATER = """
    import asyncio
    import weakref

    KEPT = []

    async def save():
        pass

    class Client:
        def __del__(self):
            save()

    class Plain:
        pass

    async def test_leaves_a_client():
        KEPT.append(Client())

    async def test_leaves_a_callback():
        thing = Plain()
        weakref.finalize(thing, asyncio.get_running_loop().call_soon, print)
        KEPT.append(thing)

    async def test_innocent():
        KEPT.clear()
"""


def test_what_is_finalised_in_a_later_test(suite: Suite) -> None:
    """The test that made it is told: by the object, or the closed loop; no line of another's."""
    suite.ini("anyrig_backends = asyncio")
    suite.write("test_it.py", DIES_LATER)
    ran = suite.spawn("-p", "no:randomly")
    assert sorted(suite.found) == [
        ("lost_exception", "test_leaves_a_callback[asyncio]", "fail"),
        ("missed_await", "test_leaves_a_client[asyncio]", "fail"),
    ], ran.text
    assert errors_of(ran) == ["test_leaves_a_client[asyncio]", "test_leaves_a_callback[asyncio]"]
    assert "in test_innocent\n" not in ran.text
    assert ran.words.count("was finalised while test_it.py::test_innocent[asyncio] ran") == 2
