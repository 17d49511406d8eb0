"""Deadlocks, time limits and held loops: how the test ends, what is told, and what comes after."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TypeAlias
from unittest.mock import MagicMock

import anyio
import pytest

from anyrig import runners
from anyrig.checks import blocked_loop
from anyrig.findings import Phase, Place
from anyrig.internal import Internal
from anyrig.origins import Origins, RawFrame
from anyrig.polled import Polled
from anyrig.runners import on_asyncio
from anyrig.watchdog import Beats, Watchdog
from inner import BACKENDS, Suite
from support import Ran

ALL = len(BACKENDS)

Noted: TypeAlias = list[tuple[list[RawFrame], float, Polled | None, str | None]]

HEAD = "import asyncio, os, signal, threading, time\nimport anyio, pytest, sniffio\n"


def ran(suite: Suite, text: str, *arguments: str, backends: list[str] = BACKENDS) -> Ran:
    """Run a module of tests in a process of its own: what hangs is ended with it."""
    suite.ini(f"anyrig_backends = {' '.join(backends)}")
    suite.write("test_it.py", HEAD + text)
    return suite.spawn(*arguments)


# -- the end of a test -----------------------------------------------------------------------------


def test_fixtures_are_torn_down_after_a_timeout(suite: Suite) -> None:
    """A test that is too late is cancelled in its loop: its fixtures end, wider ones go on."""
    done = ran(
        suite,
        """
@pytest.fixture(scope="module")
async def wide(anyio_backend):
    async with anyio.create_task_group() as tasks:
        yield tasks
        await anyio.lowlevel.checkpoint()
        print("wide has ended")

@pytest.fixture
async def own(wide):
    yield
    await anyio.lowlevel.checkpoint()
    print("own has ended")

@pytest.mark.anyrig(timeout=0.5)
async def test_waits(own):
    try:
        await anyio.sleep(3600)
    finally:
        print("cleaned up")

async def test_next(own, wide):
    await anyio.lowlevel.checkpoint()
""",
        "-s",
    )
    assert done.counts == {"failed": ALL, "passed": ALL}
    for line, times in (("cleaned up", 1), ("own has ended", 2), ("wide has ended", 1)):
        assert done.text.count(line) == times * ALL, line


def test_own_error_stays(suite: Suite) -> None:
    """What a test raises while it is ended is shown with the timeout."""
    done = ran(
        suite,
        """
@pytest.mark.anyrig(timeout=0.1)
async def test_waits():
    try:
        await anyio.sleep(3600)
    finally:
        raise KeyError("while it was ended")
""",
    )
    assert done.counts == {"failed": ALL}
    assert done.text.count("\nE           KeyError: 'while it was ended'") == ALL, done.text
    assert done.text.count("\nFAILED test_it.py::test_waits") == ALL
    assert suite.found == [("timeout", f"test_waits[{name}]", "fail") for name in BACKENDS], (
        done.text
    )


def test_what_goes_on_is_dropped(suite: Suite) -> None:
    """A test that goes on though it was ended loses its loop, and the next gets a new one."""
    done = ran(
        suite,
        """
@pytest.mark.anyrig(timeout=0.1, cancel_timeout=0.1)
async def test_waits():
    for _ in range(2):
        try:
            await anyio.sleep(3600)
        except BaseException:
            pass

async def test_next():
    await anyio.lowlevel.checkpoint()
""",
    )
    assert done.counts == {"failed": ALL, "passed": ALL}


def test_what_nothing_ends_ends_the_process(suite: Suite) -> None:
    """A call that goes on whatever is raised in it ends with the process, which says where."""
    done = ran(
        suite,
        """
@pytest.mark.anyrig(timeout=0.1, cancel_timeout=0.1)
def test_spins():
    while True:
        try:
            time.sleep(3600)
        except BaseException:
            pass
""",
    )
    assert done.status == 1
    assert "anyrig: test_it.py::test_spins has not ended 0.1 s after its beginning" in done.text
    assert "time.sleep(3600)" in done.text
    (finding,) = suite.findings
    assert (finding.kind.value, finding.place.test) == ("timeout", "test_it.py::test_spins")


def test_what_holds_an_async_test_is_for_a_thread(suite: Suite) -> None:
    """A blocking call in an ``async def`` is told to go to a thread; in a sync test it is not."""
    ran(
        suite,
        """
import queue

@pytest.mark.anyrig(timeout=0.1)
async def test_gets():
    queue.Queue().get()

@pytest.mark.anyrig(timeout=0.1)
def test_sync_gets():
    queue.Queue().get()
""",
    )
    threads = {
        (one.place.test or "").partition("::")[2].partition("[")[0]: "to_thread" in one.mend[0]
        for one in suite.findings
        if one.kind.value == "timeout"
    }
    assert threads == {"test_gets": True, "test_sync_gets": False}


def test_teardown_has_the_time_again(suite: Suite) -> None:
    """After a timeout in the call the teardown has the same time, and is ended as well."""
    ran(
        suite,
        """
@pytest.fixture
async def slow(anyio_backend):
    yield
    await anyio.sleep(3600)

@pytest.mark.anyrig(timeout=0.5)
async def test_waits(slow):
    await anyio.sleep(3600)
""",
    )
    phases = [(one.kind.value, one.place.phase.value) for one in suite.findings]
    assert sorted(phases) == [("timeout", "call")] * ALL + [("timeout", "teardown")] * ALL


def test_handlers_of_signals_are_as_before(suite: Suite) -> None:
    """A test with a limit finds its own handlers; the signal of the limit is nobody's after."""
    done = ran(
        suite,
        """
heard = []
signal.signal(signal.SIGUSR2, lambda *_: heard.append(1))

@pytest.mark.anyrig(timeout=60)
def test_has_its_own():
    os.kill(os.getpid(), signal.SIGUSR2)
    assert heard

@pytest.mark.anyrig(timeout=0.1)
def test_is_ended():
    time.sleep(3600)
""",
    )
    assert done.counts == {"passed": 1, "failed": 1}


def test_deadlock_that_is_off_is_ended_by_the_limit(suite: Suite) -> None:
    """Without the check the same test is a timeout: it is the check that knows of deadlocks."""
    text = """
async def test_waits():
    await anyio.Event().wait()
"""
    ran(suite, text, "--anyrig-timeout=60")
    assert {one[0] for one in suite.found} == {"deadlock"}
    ran(suite, text, "--anyrig-deadlock=off", "--anyrig-timeout=0.2")
    assert {one[0] for one in suite.found} == {"timeout"}


def test_deadlock_that_is_permitted_goes_on(suite: Suite) -> None:
    """A permitted deadlock is counted, and waits for what its author knows of, or its limit."""
    ran(
        suite,
        """
@pytest.mark.anyrig(timeout=2, allow=["deadlock"])
async def test_waits():
    await anyio.Event().wait()
""",
        backends=["trio"],
    )
    assert suite.found == [
        ("deadlock", "test_waits[trio]", "permitted"),
        ("timeout", "test_waits[trio]", "fail"),
    ]


def test_deadlock_names_what_is_waited_for(suite: Suite) -> None:
    """The picture has what each task waits for, by the user's name for it, and who holds it."""
    ran(
        suite,
        """
class Store:
    def __init__(self):
        self.lock = anyio.Lock()

async def keeps(store, done):
    async with store.lock:
        await done.wait()

async def test_waits():
    store, done = Store(), anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(keeps, store, done)
        await anyio.wait_all_tasks_blocked()
        await store.lock.acquire()
""",
    )
    assert len(suite.findings) == len(BACKENDS)
    for finding in suite.findings:
        picture = "\n".join(finding.picture)
        assert "waits for the Lock `store.lock`, held by test_it.keeps" in picture
        assert "waits for the Event `done`" in picture
        assert finding.origin is not None
        assert finding.origin.source == "await store.lock.acquire()"


@pytest.mark.skipif(
    sys.version_info < (3, 12),
    reason="tracemalloc of Python 3.11 does not find objects that have attributes",
)
def test_where_it_was_made_with_tracemalloc(suite: Suite) -> None:
    """Where tracemalloc is on, the picture says where the thing was made that is waited for."""
    ran(
        suite,
        """
import tracemalloc
tracemalloc.start(5)

async def test_waits():
    ready = anyio.Event()
    await ready.wait()
""",
    )
    for finding in suite.findings:
        assert any("made at test_it.py:8" in line for line in finding.picture), finding.picture


def test_workers_of_xdist(suite: Suite) -> None:
    """Under xdist they end their tests as well: the threads of a worker's own wake nothing."""
    suite.ini(f"anyrig_backends = {' '.join(BACKENDS)}")
    suite.write(
        "test_it.py",
        HEAD
        + """
async def test_waits():
    await anyio.Event().wait()

@pytest.mark.anyrig(timeout=0.1)
async def test_sleeps():
    await anyio.sleep(3600)
""",
    )
    done = suite.workers()
    assert done.counts == {"failed": 2 * len(BACKENDS)}
    kinds = sorted(kind for kind, _, _ in suite.found)
    assert kinds == ["deadlock"] * len(BACKENDS) + ["timeout"] * len(BACKENDS)


def test_a_fork_does_not_warn(suite: Suite) -> None:
    """The watchdog's thread is gone while a test forks: Python would warn of it."""
    done = ran(
        suite,
        """
@pytest.fixture(scope="module", params=["asyncio"])
def anyio_backend(request):
    return request.param

@pytest.fixture(scope="module")
async def wide(anyio_backend):
    yield

@pytest.mark.filterwarnings("error")
def test_forks(wide):
    for _ in range(20):
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)

async def test_waits(wide):
    await anyio.Event().wait()
""",
        backends=["asyncio"],
    )
    assert done.counts == {"passed": 1, "failed": 1}
    assert [kind for kind, _, _ in suite.found] == ["deadlock"]


def test_threads_of_the_run_are_the_users_alone(suite: Suite) -> None:
    """Whoever counts threads counts none of ours."""
    done = ran(
        suite,
        """
async def test_counts():
    if sniffio.current_async_library() == "asyncio":
        assert threading.enumerate() == [threading.main_thread()]
""",
        "-p",
        "no:faulthandler",
    )
    assert done.counts == {"passed": ALL}


# -- settings --------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["-1", "soon", "inf", "nan"])
def test_wrong_limit(suite: Suite, value: str) -> None:
    """A wrong number of seconds names the setting, its place, and what is right."""
    suite.ini(f"anyrig_timeout = {value}")
    done = suite.run()
    assert done.status == pytest.ExitCode.USAGE_ERROR
    expected = f"pytest.ini:3: anyrig_timeout: '{value}' is no number of seconds"
    said = " ".join(done.text.split())  # it is wrapped at 80 columns
    assert expected in said
    assert "or 'off'" in said


def test_what_holds_virtual_time_is_told(suite: Suite) -> None:
    """A test in virtual time that is too late says what its clock waited for."""
    done = ran(
        suite,
        """
@pytest.mark.anyrig(timeout=0.5)
async def test_thread(clock):
    clock.patience = 3600
    stop = threading.Event()
    def poll():
        while not stop.wait(0.01):
            pass
    thread = threading.Thread(target=poll, name="poller", daemon=True)
    thread.start()
    try:
        await anyio.sleep(5)
    finally:
        stop.set()
        thread.join()

@pytest.mark.anyrig(timeout=0.5, allow=["deadlock"])
async def test_no_autojump(clock):
    clock.autojump = False
    await anyio.sleep(5)
""",
        backends=["asyncio", "trio"],
    )
    assert done.counts == {"failed": 4}, done.text
    assert done.text.count("virtual time stands at 0 s: held by a thread of its own (poller)") == 2
    assert done.text.count("virtual time stands at 0 s: `clock.autojump` is off") == 2


def test_no_runner_is_left_half_made(suite: Suite) -> None:
    """A limit that passes while anyio makes the runner waits until there is one."""
    done = ran(
        suite,
        """
import gc

def slow():
    time.sleep(0.3)
    return asyncio.new_event_loop()

@pytest.mark.parametrize("anyio_backend", [("asyncio", {"loop_factory": slow})])
@pytest.mark.anyrig(timeout=0.1)
async def test_late(anyio_backend):
    await anyio.sleep(60)

def test_after():
    gc.collect()
    loops = [one for one in gc.get_objects() if isinstance(one, asyncio.BaseEventLoop)]
    assert [one for one in loops if not one.is_closed()] == []
    with pytest.raises(sniffio.AsyncLibraryNotFoundError):
        sniffio.current_async_library()
""",
        backends=["asyncio"],
    )
    assert done.counts == {"failed": 1, "passed": 1}, done.text
    assert "was stopped in its call (test_it.py:" in done.text


def test_marker_turns_the_limit_off(suite: Suite) -> None:
    """The marker's ``timeout="off"`` wins over the run's limit."""
    done = ran(
        suite,
        """
@pytest.mark.anyrig(timeout="off")
async def test_takes_its_time():
    await anyio.sleep(0.3)
""",
        "--anyrig-timeout=0.1",
    )
    assert done.counts == {"passed": ALL}


@pytest.mark.parametrize("library", ["asyncio", "trio"])
def test_what_is_asked_before_a_run_has_begun_is_called(library: str) -> None:
    """A loop that is asked to turn while it is being made does so: it is not held."""
    internal = Internal()
    guards = [internal.guard("a call")] * 4
    host = MagicMock(course=None, cancel_timeout=1.0, internal=internal, guards=guards, ended=None)
    asked: list[str] = []

    async def body() -> None:
        while not asked:
            await anyio.lowlevel.checkpoint()

    with runners.create(host, library, {}) as runner:
        runner.call_soon(lambda: asked.append("before"))
        runner.run_test(body, {})
    assert asked == ["before"]


# -- the watchdog ----------------------------------------------------------------------------------


class Turning:
    """A loop as `Beats` sees it; ``turn`` runs what it was asked to call."""

    def __init__(self) -> None:
        self.is_busy = True
        self.waits = False
        self.calls: str | None = None
        self.asked: list[Callable[[], object]] = []

    def call_soon(self, function: Callable[[], object]) -> None:
        raise AssertionError("it is woken")

    def when_turns(self, function: Callable[[], object]) -> None:
        self.asked.append(function)

    def infos(self) -> None:
        return None

    def is_waiting(self, frame: FrameType) -> bool:
        return self.waits

    def called_in_c(self, frame: FrameType) -> str | None:
        return self.calls

    def turn(self) -> None:
        asked, self.asked = self.asked, []
        for function in asked:
            function()


@pytest.fixture
def noted() -> Noted:
    """What the beats have told."""
    return []


@pytest.fixture
def beats(noted: Noted) -> Beats:
    """Beats that look at this thread."""
    return Beats(threading.get_ident(), lambda *told: noted.append(told))


def test_loop_that_is_held(beats: Beats, noted: Noted) -> None:
    """A loop that does not turn in the time is told once, with the frames that hold it."""
    loop = Turning()
    for now in (0.0, 0.5, 0.9, 1.0, 1.5, 2.0):
        beats.look(loop, 1.0, now)
    ((frames, seconds, polled, called),) = noted
    assert (seconds, polled, called) == (1.0, None, None)
    assert any(function == "test_loop_that_is_held" for _, _, function in frames)
    assert len(loop.asked) == 1


def test_what_a_loop_calls_in_c(beats: Beats, noted: Noted) -> None:
    """What has no frame is told by its name, where the loop knows it, and by no line of ours."""
    loop, told = Turning(), []
    for loop.calls in ("time.sleep", "", None):
        for now in (0.0, 1.0):
            beats.look(loop, 1.0, now)
        loop.turn()
    for frames, seconds, polled, called in noted:
        runner = (on_asyncio.__file__, 1, "_run_loop")
        innermost = [*frames] if called is None else [runner]
        place = Place("test_x", Phase.CALL)
        told.append(
            blocked_loop.finding(
                Origins(Path(__file__).parent), place, innermost, seconds, polled, called
            )
        )
    named, unnamed, with_line = told
    assert named.summary == "a call of `time.sleep` held the event loop for more than 1 s"
    assert unnamed.summary == "a call held the event loop for more than 1 s"
    for one in (named, unnamed):
        assert one.origin is None
        assert one.details == (
            "the loop calls it directly: it is written in C, and no line of Python's is in it",
        )
    assert with_line.origin is not None


def test_loop_that_turns(beats: Beats, noted: Noted) -> None:
    """A loop that turns in time is never told, however busy it is."""
    loop = Turning()
    for number in range(50):
        beats.look(loop, 1.0, number * 0.9)
        loop.turn()
    assert noted == []


def test_loop_that_waits_is_left_alone(beats: Beats, noted: Noted) -> None:
    """A loop that waits is asked nothing: no look of ours wakes it."""
    loop = Turning()
    loop.waits = True
    for now in range(5):
        beats.look(loop, 1.0, float(now))
    assert (loop.asked, noted) == ([], [])


def test_no_loop_and_no_call(beats: Beats, noted: Noted) -> None:
    """Without a loop, or a call in it, there is nothing to look at."""
    loop = Turning()
    loop.is_busy = False
    for now in range(3):
        beats.look(None, 1.0, float(now))
        beats.look(loop, 1.0, float(now))
    assert (loop.asked, noted) == ([], [])


def test_watchdog_looks_until_it_is_stopped() -> None:
    """It looks in a thread of its own, is woken, begins again, and is over when it is stopped."""
    looked = threading.Semaphore(0)

    def look() -> float:
        looked.release()
        return 3600.0

    watchdog = Watchdog(look)
    for _ in range(2):
        watchdog.start()
        watchdog.start()
        assert looked.acquire(timeout=60)
        watchdog.wake()
        assert looked.acquire(timeout=60)
        watchdog.stop()
        watchdog.stop()
    watchdog.wake()
    assert not looked.acquire(blocking=False)
