"""``task_group``, services and the task tree, on every backend."""

from __future__ import annotations

import re

import pytest

from inner import BACKENDS, Suite
from support import Ran

ALL = len(BACKENDS)


@pytest.fixture
def suite(suite: Suite) -> Suite:
    """A suite on every backend."""
    suite.ini(f"anyrig_backends = {' '.join(BACKENDS)}")
    return suite


def ran(suite: Suite, text: str, *arguments: str) -> Ran:
    """Run a module of tests in a process of its own."""
    suite.write("test_it.py", "import anyio, anyrig, pytest\n" + text)
    return suite.spawn("-p", "no:randomly", *arguments)


def test_what_is_left_is_cancelled_and_joined(suite: Suite) -> None:
    """A test that ends, or fails, leaves no task behind."""
    done = ran(
        suite,
        """
ended = []

async def forever(name):
    try:
        await anyio.sleep_forever()
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.lowlevel.checkpoint()
        ended.append(name)

async def ready(*, task_status):
    task_status.started("a value")
    await forever("ready")

async def test_ends(task_group):
    task_group.start_soon(forever, "soon")
    assert await task_group.start(ready) == "a value"

async def test_fails(task_group):
    assert sorted(ended) == ["ready", "soon"]
    task_group.start_soon(forever, "failed")
    await anyio.wait_all_tasks_blocked()
    raise KeyError("own")

async def test_is_left_alone(task_group):
    assert ended.pop() == "failed"
    ended.clear()
    assert not task_group.cancel_scope.cancel_called
""",
    )
    assert done.counts == {"passed": 2 * ALL, "failed": ALL}
    assert done.text.count("E       KeyError: 'own'\n") == ALL


def test_crash_fails_the_test_at_once(suite: Suite) -> None:
    """The test is cut off, and fails with the task's error alone."""
    done = ran(
        suite,
        """
async def crash():
    raise ConnectionError("gone")

async def test_crash(task_group):
    task_group.start_soon(crash)
    await anyio.sleep_forever()
""",
    )
    assert done.counts == {"failed": ALL}
    assert done.text.count("E       ConnectionError: gone\n") == ALL
    assert done.text.count("raised in a background task of the fixture `task_group`") == ALL
    assert done.text.count("which cut off test_it.py:8: await anyio.sleep_forever()") == ALL


def test_errors_while_cancelling_are_told(suite: Suite) -> None:
    """What a task raises when it is cancelled fails the teardown; the test's own stays first."""
    done = ran(
        suite,
        """
async def ends_badly():
    try:
        await anyio.sleep_forever()
    finally:
        raise ConnectionError("while ending")

async def test_passes(task_group):
    task_group.start_soon(ends_badly)
    await anyio.wait_all_tasks_blocked()

async def test_fails(task_group):
    task_group.start_soon(ends_badly)
    await anyio.wait_all_tasks_blocked()
    raise KeyError("own")
""",
    )
    assert done.counts == {"passed": ALL, "failed": ALL, "error": 2 * ALL}
    assert done.text.count("E           ConnectionError: while ending\n") == 2 * ALL


STUBBORN = """
import asyncio, trio
async def shielded():
    with anyio.CancelScope(shield=True):
        await anyio.sleep_forever()

@pytest.mark.anyrig(cancel_timeout=0.01)
async def test_shielded(task_group):
    task_group.start_soon(shielded)
    await anyio.wait_all_tasks_blocked()

async def deaf():
    while True:
        try:
            await anyio.sleep_forever()
        except (asyncio.CancelledError, trio.Cancelled):
            pass

@pytest.mark.anyrig(cancel_timeout=0.01)
async def test_deaf(task_group):
    task_group.start_soon(deaf)
    await anyio.wait_all_tasks_blocked()

async def test_next(task_group):
    task_group.start_soon(anyio.sleep_forever)
    await anyio.wait_all_tasks_blocked()

def test_sync():
    anyio.run(anyio.lowlevel.checkpoint)
    anyio.run(anyio.lowlevel.checkpoint, backend="trio")
"""


def test_task_that_does_not_end_is_named(suite: Suite) -> None:
    """It is named with where it waits, and the run goes on, also where nothing stops it."""
    done = ran(suite, STUBBORN)
    assert done.counts == {"passed": 3 * ALL + 1, "error": 2 * ALL}
    assert done.text.count("a task has not ended 0.01 s after being cancelled:\n") == 2 * ALL
    assert done.text.count("test_it.py:6 in shielded\n      >   await anyio.sleep_forever()") == ALL
    assert done.text.count("in deaf\n") == ALL


def test_wrong_timeout(suite: Suite) -> None:
    """What is no number of seconds is refused where it stands."""
    suite.ini("anyrig_cancel_timeout = soon")
    done = ran(suite, "")
    told = " ".join(done.text.split())
    assert "pytest.ini:3: anyrig_cancel_timeout: 'soon' is no number of seconds" in told
    suite.ini()
    told = " ".join(ran(suite, "", "--anyrig-cancel-timeout=-1").text.split())
    assert "--anyrig-cancel-timeout: '-1' is no number" in told


SERVICES = """
from anyio.abc import TaskStatus

log = []

class Server:
    def __init__(self, port):
        self.port = port
        self.is_hit = anyio.Event()

@pytest.fixture(scope="module")
def port():
    return 80

@anyrig.service(scope="module")
async def server(port: int, *, task_status: TaskStatus[Server]) -> None:
    one = Server(port)
    task_status.started(one)
    log.append("up")
    try:
        await one.is_hit.wait()
        raise ConnectionError("hit")
    finally:
        log.append("down")

@anyrig.service
async def client(server, *, task_status):
    task_status.started(server.port)
    try:
        await anyio.sleep_forever()
    finally:
        log.append("client")

async def test_values(client, server):
    assert client == server.port == 80

async def test_client_has_ended(server):
    assert log == ["up", "client"]
    server.is_hit.set()
    await anyio.sleep_forever()

async def test_next_has_a_new_one(server):
    assert log == ["up", "client", "down", "up"]

@pytest.fixture(scope="module", autouse=True)
def clear(anyio_backend):
    yield
    assert log == ["up", "client", "down", "up", "down"]
    log.clear()
"""


def test_services(suite: Suite) -> None:
    """A service runs beside the tests; its crash fails one test, which names it."""
    done = ran(suite, SERVICES)
    assert done.counts == {"passed": 2 * ALL, "failed": ALL}
    assert done.text.count("ConnectionError: hit\nE ") == ALL
    assert done.text.count("raised in a background task of the service `server`\n") == ALL


def test_services_that_do_not_start(suite: Suite) -> None:
    """A crash before the start is the setup's error, and one that never starts is told."""
    done = ran(
        suite,
        """
@anyrig.service
async def early(*, task_status):
    raise ConnectionError("no port")

@anyrig.service
async def silent(*, task_status):
    pass

async def test_early(early):
    pass

async def test_silent(silent):
    pass
""",
    )
    assert done.counts == {"error": 2 * ALL}
    assert done.text.count("E       ConnectionError: no port\n") == ALL
    assert done.text.count("ended before it called task_status.started()\n") == ALL


def test_service_in_a_class_and_with_params(suite: Suite) -> None:
    """A service takes what a fixture takes: params, a name, ``request``, a place in a class."""
    done = ran(
        suite,
        """
@anyrig.service(params=[1, 2], ids=["one", "two"], name="number")
async def _number(request, *, task_status):
    task_status.started(request.param)
    await anyio.sleep_forever()

class TestNumber:
    @anyrig.service
    async def double(self, number, *, task_status):
        task_status.started(2 * number)
        await anyio.sleep_forever()

    async def test_double(self, number, double):
        assert double == 2 * number
""",
    )
    assert done.counts == {"passed": 2 * ALL}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("@anyrig.service\ndef one(*, task_status): ...", "`one` (", ),
        ("@anyrig.service\nasync def one(): ...", "is without task_status"),
    ],
)  # fmt: skip
def test_what_is_no_service(suite: Suite, text: str, words: str) -> None:
    """What can't be a service is refused, with its place."""
    done = ran(suite, text)
    assert "TypeError: @anyrig.service wants an `async def` that takes task_status" in done.text
    assert words in done.text


TREE = """
@pytest.mark.anyrig(backends=["{backend}"])
async def test_tree(task_group):
    async def child(*, task_status):
        async with anyio.create_task_group() as group:
            group.start_soon(grandchild, name="grandchild")
            task_status.started()

    async def grandchild():
        with anyio.CancelScope(shield=True):
            await anyio.sleep_forever()

    await task_group.start(child, name="child")
    await anyio.wait_all_tasks_blocked()
    task_group.cancel_scope.cancel()
    with anyio.CancelScope(shield=True):
        await anyio.wait_all_tasks_blocked()
        open("tree.txt", "w").write(anyrig.task_tree())
    raise KeyError
"""

DRAWN = """\
└─ the test and its fixtures (cancelled, shielded)
   │  test_it.py:19 in test_tree
   │  >   open("tree.txt", "w").write(anyrig.task_tree())
   └─ child (cancelled)
      │  test_it.py:6 in child
      │  >   async with anyio.create_task_group() as group:
      │  waits for the TaskGroup `group`
      └─ grandchild (shielded)
            test_it.py:12 in grandchild
            >   await anyio.sleep_forever()"""


@pytest.mark.parametrize("backend", BACKENDS)
def test_task_tree(suite: Suite, backend: str) -> None:
    """Parents and children, names, where each waits, and what is cancelled or shielded."""
    ran(suite, TREE.format(backend=backend), "--anyrig-cancel-timeout=0.01")
    drawn = (suite.path / "tree.txt").read_text(encoding="utf-8")
    expected = DRAWN.replace(" (cancelled, shielded)", " (shielded)")
    if backend != "trio":
        # anyio's group on asyncio shields its own wait as soon as it is cancelled
        expected = expected.replace("child (cancelled)", "child (shielded)")
    assert drawn == expected


WIDE = """
@pytest.fixture(scope="module")
async def wide(anyio_backend):
    async with anyio.create_task_group() as tasks:
        yield tasks
        tasks.cancel_scope.cancel()
"""


def test_leak_of_many_tests_is_told_once_more(suite: Suite) -> None:
    """The end of the run says how many tests share a cause."""
    done = ran(
        suite,
        WIDE
        + """
def start(tasks):
    tasks.start_soon(anyio.sleep_forever)

@pytest.mark.parametrize("number", range(3))
async def test_many(wide, number):
    start(wide)

async def test_one(wide):
    wide.start_soon(anyio.sleep_forever)
""",
    )
    assert f"leaked_task: {4 * ALL} in {4 * ALL} tests (fail)\n" in done.text
    cause = r"the task `.*sleep_forever` is still running \(test_it.py:\d+\)\n"
    assert len(re.findall(rf"  {3 * ALL} tests: {cause}", done.text)) == 1


def test_leak_that_a_stopped_run_ends(suite: Suite) -> None:
    """What a fixture leaves that ends after the last test fails the run."""
    done = ran(
        suite,
        WIDE
        + """
@pytest.fixture(scope="module")
async def leaves(wide):
    yield
    wide.start_soon(anyio.sleep_forever)

@pytest.fixture(scope="module")
async def last(leaves):
    yield

@pytest.mark.anyrig(backends=["asyncio"])
async def test_stops(wide, request):
    request.session.shouldstop = "enough"
    wide.start_soon(anyio.sleep_forever)

async def test_never():
    pass
""",
    )
    assert "leaked_task: 1 " in done.text
    assert done.status != 0


def test_any_name_of_a_fixture(suite: Suite) -> None:
    """A fixture may be called what a function of ours calls its own arguments."""
    names = ["async_fn", "function", "owner", "call", "args", "kwargs", "host"]
    fixtures = "\n".join(
        f"@pytest.fixture\nasync def {name}():\n    return {name!r}\n" for name in names
    )
    asked = ", ".join(names)
    done = ran(
        suite,
        f"""
{fixtures}
@pytest.fixture
async def all_of_them(anyio_backend, {asked}):
    return [{asked}]

async def test_names({asked}, all_of_them):
    assert [{asked}] == all_of_them == {names!r}
""",
    )
    assert done.counts == {"passed": ALL}


DEAF = """
import asyncio, sniffio, trio

async def deaf():
    while True:
        try:
            await anyio.sleep_forever()
        except {caught}:
            pass

async def test_deaf():
    if sniffio.current_async_library() == "trio":
        trio.lowlevel.spawn_system_task(deaf)
    else:
        task = asyncio.create_task(deaf())
    await anyio.wait_all_tasks_blocked()
    {end}

async def test_next():
    await anyio.lowlevel.checkpoint()
"""


def test_leaked_task_that_does_not_end(suite: Suite) -> None:
    """What a test leaves, and goes on though it is cancelled, is named, and the run goes on."""
    done = ran(
        suite,
        DEAF.format(caught="(asyncio.CancelledError, trio.Cancelled)", end="pass"),
        "--anyrig-cancel-timeout=0.01",
    )
    assert done.counts == {"passed": ALL, "failed": ALL}
    assert done.text.count("\na task has not ended 0.01 s after being cancelled:\n") == ALL
    assert f"leaked_task: {ALL} in {ALL} tests" in done.text


def test_what_does_not_end_is_named_beside_a_failure(suite: Suite) -> None:
    """A test that fails by itself keeps its failure, and what its loop's end raised stands below.

    The task takes all that is raised in it: nothing ever ends it, and nothing waits for that.
    """
    done = ran(
        suite,
        DEAF.format(caught="BaseException", end="raise KeyError('its own')"),
        "--anyrig-cancel-timeout=0.01",
        "-rN",
    )
    assert done.counts == {"passed": ALL, "failed": ALL}
    assert done.text.count("KeyError: 'its own'") == ALL
    assert done.text.count("\na task has not ended 0.01 s after being cancelled:\n") == ALL
