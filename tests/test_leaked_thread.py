"""Threads that are still alive when their test has ended."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from anyrig import Finding, own
from anyrig.checks import leaked_thread
from anyrig.checks.leaked_thread import LeakedThreads
from anyrig.findings import Phase, Place
from anyrig.origins import Origins
from inner import BACKENDS, Suite
from support import Ran

ALL = len(BACKENDS)
HERE = Place("test_it", Phase.CALL)

HEAD = """
import threading
import anyio
import pytest

stop = threading.Event()

class Worker(threading.Thread):
    def run(self):
        stop.wait()

"""
TAIL = """

def test_last():
    stop.set()
"""


def ran(suite: Suite, source: str, *arguments: str) -> Ran:
    """Run a suite whose last test ends its threads."""
    suite.ini("anyrig_backends = " + " ".join(BACKENDS))
    suite.write("test_it.py", HEAD + source + TAIL)
    return suite.run(*arguments)


# -- the check alone -------------------------------------------------------------------------------


class Watched:
    """The check, with what it asks of the run."""

    def __init__(self) -> None:
        self.place = HERE
        self.owner: object = None
        self.origins = Origins(Path(__file__).parent)
        self.check = LeakedThreads(self.origins, lambda: (self.place, None), self._owner)
        self.stop = threading.Event()
        self.threads: list[threading.Thread] = []
        self.keepers: dict[threading.Thread, object] = {}  # thread -> what holds it

    def _owner(self, frames: Sequence[Any]) -> object:
        return self.owner

    def start(self, target: Callable[[], Any] | None = None) -> threading.Thread:
        """Start a thread that waits until the end of the test, or another one."""
        thread = threading.Thread(target=target or self.stop.wait)
        self.threads.append(thread)
        thread.start()
        return thread

    def left(self, *live: object) -> list[threading.Thread]:
        left = self.check.left("test_it", live.__contains__, self.keepers.get, int)
        return [one.thread for one in left]


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The check, installed; what it finds need not be waited for."""
    monkeypatch.setattr(leaked_thread, "GRACE", 0.0)
    monkeypatch.setattr(leaked_thread, "SHORT_GRACE", 0.0)
    watched = Watched()
    watched.check.install()
    yield watched
    watched.check.uninstall()
    watched.stop.set()
    for thread in watched.threads:
        thread.join()


def test_thread_is_told_once(watched: Watched) -> None:
    """A thread that goes on is found at the end of the test that started it, and of no other."""
    thread = watched.start()
    assert watched.left() == [thread]
    assert watched.left() == []


def test_thread_of_no_test_is_not_noted(watched: Watched) -> None:
    """What starts between tests, or while they are collected, is nobody's."""
    watched.place = Place(None, Phase.BETWEEN)
    watched.start()
    assert not watched.check.noted


def test_thread_of_a_fixture_is_kept_until_that_has_ended(watched: Watched) -> None:
    """A wider fixture's thread is looked at again when the fixture is over."""
    watched.owner = fixture = object()
    thread = watched.start()
    assert watched.left(fixture) == []
    assert watched.left(fixture) == []
    assert watched.left() == [thread]


def test_a_thread_that_a_fixtures_value_holds_is_looked_at_when_that_has_ended(
    watched: Any,
) -> None:
    """It is told once, of the test that started it."""
    fixture = object()
    thread = watched.start()
    watched.keepers[thread] = fixture
    assert watched.left(fixture) == []
    assert watched.left(fixture) == []
    watched.keepers.clear()
    assert watched.left(fixture) == []
    assert watched.left() == [thread]
    assert watched.left() == []


def test_thread_of_another_test_is_not_told_again(watched: Watched) -> None:
    """What the thread of an earlier test starts is no finding of this one."""
    started = threading.Event()

    def run() -> None:
        go_on.wait()
        watched.start()
        started.set()
        watched.stop.wait()

    go_on = threading.Event()
    watched.place = Place("test_earlier", Phase.CALL)
    watched.start(run)
    watched.check.left("test_earlier", lambda owner: False, lambda thread: None, int)
    watched.place = HERE
    go_on.set()
    started.wait()
    assert watched.left() == []


def test_thread_inherits_whom_its_starter_is_for(watched: Watched) -> None:
    """What a fixture's thread starts in a test is the fixture's."""
    started = threading.Event()

    def run() -> None:
        go_on.wait()
        watched.start()
        started.set()

    go_on = threading.Event()
    watched.owner = fixture = object()
    watched.start(run)
    watched.owner = None
    go_on.set()
    started.wait()
    assert watched.left(fixture) == []
    assert {start.owner for start in watched.check.noted} == {fixture}


def test_ended_thread_is_not_held(watched: Watched) -> None:
    """The note of a start does not keep its thread alive."""
    watched.start(int).join()
    (start,) = watched.check.noted
    watched.threads.clear()
    assert start.thread() is None


def test_one_that_ends_within_its_grace_is_none(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that was told to stop may take a moment."""
    monkeypatch.setattr(leaked_thread, "GRACE", 60.0)
    asked = threading.Event()

    class Ending(threading.Thread):
        def run(self) -> None:
            asked.wait()

    real = threading.Thread.join

    def join(thread: threading.Thread, timeout: float | None = None) -> None:
        asked.set()  # only now does it go on
        real(thread, timeout)

    monkeypatch.setattr(threading.Thread, "join", join)
    Ending().start()
    assert watched.left() == []


def test_start_that_left_one_before_is_waited_for_less(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A suite that leaks in each test does not wait for each."""
    waits: list[float] = []
    monkeypatch.setattr(leaked_thread, "GRACE", 100.0)
    monkeypatch.setattr(leaked_thread, "SHORT_GRACE", 10.0)
    monkeypatch.setitem(vars(own.time), "monotonic", lambda: 0.0)
    monkeypatch.setattr(threading.Thread, "join", lambda thread, timeout: waits.append(timeout))
    for _ in range(2):
        watched.start()
        watched.left()
    another = threading.Thread(target=watched.stop.wait)
    another.start()
    watched.left()
    monkeypatch.undo()
    watched.threads.append(another)
    assert waits == [100.0, 10.0, 100.0]


def test_names(watched: Watched) -> None:
    """A thread is called by its own name, and else by what it runs."""

    def work() -> None:
        watched.stop.wait()

    class Worker(threading.Thread):
        def run(self) -> None:
            work()

    class Callable:
        def __call__(self) -> None:
            work()

    threads = [
        threading.Thread(target=work),
        threading.Thread(target=work, name="poller"),
        Worker(),
        threading.Thread(target=Callable()),
    ]
    for thread in threads:
        thread.start()
    watched.threads += threads
    found = watched.check.left("test_it", lambda owner: False, lambda thread: None, int)
    told = [leaked_thread.finding(watched.origins, one, HERE, None) for one in found]
    assert [one.what for one in told] == [
        "the thread `work`",
        "the thread `poller`",
        "the thread `Worker.run`",
        "the thread `Callable`",
    ]
    assert [one.details[0] for one in told[1:2]] == ["it runs `work`"]
    assert all("in work: watched.stop.wait()" in one.details[-1] for one in told)


# -- in a run --------------------------------------------------------------------------------------


def test_report(suite: Suite) -> None:
    """The report names the thread, the lines that started it, where it is and how to end it."""
    done = ran(
        suite,
        """
class Poller:
    def __init__(self):
        thread = threading.Thread(target=self.run, name="poller")
        thread.start()

    def run(self):
        stop.wait()

def test_polls():
    Poller()
""",
        "--anyrig-leaked-threads=fail",
    )
    assert "ERROR at teardown of test_polls" in done.text
    assert (
        """
the thread `poller` is still alive (test_it.py:15)

  test_it.py:21 in test_polls
  test_it.py:15 in __init__
  >   thread.start()

the thread `poller`: it goes on beside the next test
- it runs `Poller.run`
- it is at test_it.py:18 in run: stop.wait()

mend:   tell it to stop where the test, or what it tests, ends, and join it
allow:  @pytest.mark.anyrig(allow=["leaked_thread"])
"""
        in done.text
    )


def test_default_warns(suite: Suite) -> None:
    """By default the thread is told of, and the test passes."""
    done = ran(suite, "def test_leaves():\n    Worker().start()\n")
    assert done.counts == {"passed": 2}
    assert done.status == 0
    assert suite.found == [("leaked_thread", "test_leaves", "warn")]
    assert "warning: the thread `Worker.run` is still alive (test_it.py:12)" in done.text


@pytest.mark.parametrize("scope", ["module", "class", "session"])
@pytest.mark.parametrize("is_async", ["", "async "], ids=["sync", "async"])
def test_thread_of_a_wider_fixture(suite: Suite, scope: str, is_async: str) -> None:
    """What a wider fixture starts is no finding while the fixture is up, and names it then."""
    asked = "anyio_backend" if is_async else ""
    ran(
        suite,
        f"""
@pytest.fixture(scope="session")
def anyio_backend():
    return "asyncio"

@pytest.fixture(scope="{scope}")
{is_async}def wide({asked}):
    Worker().start()
    yield

class TestIt:
    def test_first(self, wide):
        pass

    def test_second(self):
        pass

    def test_third(self):
        pass
""",
        *(["--deselect=test_it.py::test_last"] if scope != "class" else []),
    )
    (finding,) = findings(suite)
    assert finding.place.test is not None
    assert finding.place.test.rpartition("::")[2].partition("[")[0] in ("test_third", "test_first")
    assert finding.place.phase is Phase.TEARDOWN
    assert "which the fixture `wide` started, is still alive" in finding.summary
    stop(suite)


def findings(suite: Suite) -> list[Finding]:
    """The findings of this kind."""
    return [finding for finding in suite.findings if finding.kind is LeakedThreads.kind]


def stop(suite: Suite) -> None:
    """End the threads of a suite that was run in this process."""
    for thread in threading.enumerate():
        run = sys._current_frames().get(thread.ident or 0)
        while run is not None:
            if run.f_code.co_filename == str(suite.path / "test_it.py"):
                run.f_globals["stop"].set()
                thread.join()
                break
            run = run.f_back


def test_allowed_in_a_block(suite: Suite) -> None:
    """``anyrig.allow`` permits what its block starts, and says so where that is nothing."""
    ran(
        suite,
        """
import anyrig

def test_allowed():
    with anyrig.allow("leaked_thread"):
        Worker().start()

def test_unused():
    with pytest.raises(anyrig.UnusedAllowanceError):
        with anyrig.allow("leaked_thread"):
            pass
""",
    )
    assert suite.found == [("leaked_thread", "test_allowed", "permitted")]


def test_unused_marker(suite: Suite) -> None:
    """The marker's permission fails where the test leaves no thread."""
    done = ran(
        suite,
        """
@pytest.mark.anyrig(allow=["leaked_thread"])
def test_mended():
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()
""",
    )
    assert done.counts == {"passed": 2, "error": 1}
    assert "permits a leaked_thread, and there was none" in done.text


def test_threads_of_plugins_are_theirs(suite: Suite) -> None:
    """What a plugin that is installed starts around a test is not the test's."""
    suite.write(
        "site-packages/monitor.py",
        """
        import threading
        import pytest

        ended = threading.Event()

        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_call(item):
            threading.Thread(target=ended.wait).start()
            return (yield)

        def pytest_unconfigure():
            ended.set()
        """,
    )
    suite.write("conftest.py", "import sys\nsys.path.insert(0, 'site-packages')\n")
    suite.write("test_it.py", "def test_it(): ...\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(suite.path / "site-packages")
        done = suite.run("-p", "monitor")
    assert done.status == 0, done.text
    assert suite.found == []


def test_thread_of_a_library_is_named_by_the_users_line(suite: Suite) -> None:
    """What a library starts for the test is the test's, and the library's line is told."""
    suite.write(
        "site-packages/monitor.py",
        """
        import threading

        def watch(event):
            threading.Thread(target=event.wait, name="monitor").start()
        """,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(suite.path / "site-packages")
        ran(suite, "def test_it():\n    import monitor\n    monitor.watch(stop)\n")
    (finding,) = findings(suite)
    assert finding.what == "the thread `monitor`"
    assert finding.origin is not None
    assert finding.origin.source == "monitor.watch(stop)"
    assert finding.origin.inside is not None
    assert finding.origin.inside.function == "watch"


def test_script_that_calls_pytest_is_nobodys_test(suite: Suite) -> None:
    """A line of the user's that runs pytest itself does not make a plugin's thread the test's."""
    suite.write("test_it.py", "def test_it(): ...\n")
    suite.write(
        "site-packages/monitor.py",
        """
        import threading

        def pytest_runtest_setup(item):
            threading.Thread(target=threading.Event().wait, daemon=True).start()
        """,
    )
    suite.write(
        "run.py",
        """
        import sys
        import pytest
        sys.path.insert(0, "site-packages")
        args = ["-p", "anyio", "-p", "anyrig", "-p", "monitor", "--anyrig-leaked-threads=fail"]
        print("STATUS", int(pytest.main(args)))
        """,
    )
    assert "STATUS 0" in suite.script("run.py").text


def test_same_under_workers(suite: Suite) -> None:
    """The findings are the same when workers of xdist run the tests."""
    suite.write("test_it.py", HEAD + "def test_leaves():\n    Worker(daemon=True).start()\n")
    assert suite.workers().status == 0
    assert suite.found == [("leaked_thread", "test_leaves", "warn")]


def test_test_without_threads_asks_nothing(suite: Suite) -> None:
    """A test that starts no thread has no thread looked at."""
    suite.write(
        "conftest.py",
        """
        from anyrig.checks.leaked_thread import LeakedThreads

        def left(*args):
            raise AssertionError("asked")

        LeakedThreads.left = left
        """,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LeakedThreads, "left", LeakedThreads.left)
        suite.write("test_it.py", "async def test_it(): ...\ndef test_other(): ...\n")
        done = suite.run("--anyrig-backend=asyncio")
    assert done.counts == {"passed": 2}
