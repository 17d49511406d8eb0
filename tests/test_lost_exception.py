"""Lost exceptions: what is told of each, what is raised, and who else hears of it."""

from __future__ import annotations

from typing import Any

import pytest

from anyrig import Finding, Kind
from anyrig.checks.lost_exception import Lost, finding
from anyrig.findings import Phase, Place
from anyrig.losses import Loss, Way
from anyrig.origins import Origins
from inner import BACKENDS, LOST_EXCEPTION, Suite
from support import Ran

ON_ASYNCIO = [name for name in BACKENDS if name != "trio"]

# tells of each error that fails a phase what it is, and what it was raised for
CONFTEST = """
import pytest

@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    if call.excinfo is not None:
        error = call.excinfo.value
        print("RAISED", type(error).__name__, "from", repr(error.__cause__))
    return (yield)
"""


def ran(suite: Suite, text: str, *arguments: str, backends: list[str] = ON_ASYNCIO) -> Ran:
    """Run a module of tests in a process of its own."""
    suite.ini(f"anyrig_backends = {' '.join(backends)}")
    suite.write("conftest.py", CONFTEST)
    suite.write("test_it.py", "import asyncio, gc, sys, threading, anyio, pytest\n" + text)
    return suite.spawn("-p", "no:randomly", "-s", *arguments)


def lines_of(ran: Ran) -> list[str]:
    """What the runs of tests were failed with."""
    lines = [line.partition("RAISED ")[2] for line in ran.text.splitlines()]
    return [line for line in lines if line]


# -- words ---------------------------------------------------------------------------------------


def _told(way: Way, name: str, error: BaseException, tmp_path: Any) -> Finding:
    lost = Lost(Loss(way, name, error), Place("a::b", Phase.CALL), error.__traceback__)
    return finding(Origins(tmp_path), lost)


@pytest.mark.parametrize(
    ("way", "name", "words"),
    [
        (Way.TASK, "refresh", "the task `refresh`"),
        (Way.TASK, "", "a task"),
        (Way.FUTURE, "gather", "a gather"),
        (Way.CALLBACK, "Shop.on_close", "the callback `Shop.on_close`"),
        (Way.CALLBACK, "", "a callback"),
        (Way.LOOP, "protocol Echo", "the event loop: protocol Echo"),
        (Way.FINALISER, "Shop.__del__", "`Shop.__del__`"),
        (Way.FINALISER, "", "a finaliser"),
        (Way.THREAD, "worker", "the thread `worker`"),
        (Way.THREAD, "", "a thread"),
        (Way.GENERATOR, "rows", "the cleanup of the async generator `rows`"),
    ],
)
def test_words_name_what_lost_it(way: Way, name: str, words: str, tmp_path: Any) -> None:
    """Each way has its words, also where what lost the exception has no name."""
    told = _told(way, name, KeyError("lamp"), tmp_path)
    assert (told.kind, told.what) == (Kind.LOST_EXCEPTION, words)
    assert told.summary == f"KeyError: 'lamp' was lost in {words}"
    assert told.mend


def test_long_and_broken_texts_take_one_line(tmp_path: Any) -> None:
    """A summary is one short line, whatever the exception says, and if it can't say anything."""

    class Broken(Exception):
        def __str__(self) -> str:
            raise ValueError

    long = _told(Way.TASK, "x", ValueError("a\n" + "b" * 200), tmp_path)
    longer = _told(Way.TASK, "x", ValueError("b" * 200), tmp_path)
    broken = _told(Way.TASK, "x", Broken(), tmp_path)
    assert long.summary == "ValueError: a was lost in the task `x`"
    assert longer.summary == f"ValueError: {'b' * 65}... was lost in the task `x`"
    assert "<exception str() failed>" in broken.summary


# -- what is raised ------------------------------------------------------------------------------


def test_error_has_the_exception_as_its_cause(suite: Suite) -> None:
    """The test fails with a LostExceptionError that was raised from the exception itself."""
    done = ran(suite, LOST_EXCEPTION, backends=["asyncio"])
    assert lines_of(done) == ["LostExceptionError from ConnectionError('gone')"]


def test_several_are_told_each_once(suite: Suite) -> None:
    """Those of one line are counted, each text is read once, and all of them are causes."""
    done = ran(
        suite,
        """
async def test_it():
    def fails(number):
        raise ValueError(number)

    for number in (1, 1, 2):
        asyncio.get_running_loop().call_soon(fails, number)
    await asyncio.sleep(0)
""",
        backends=["asyncio"],
    )
    found = [(one.summary.partition(" was")[0], one.count, one.others) for one in suite.findings]
    assert found == [("ValueError: 1", 3, ("ValueError: 2",))]
    assert "- also ValueError: 2\n" in done.text, done.text
    (line,) = lines_of(done)
    causes = "[ValueError(1), ValueError(1), ValueError(2)]"
    assert line == f"LostExceptionError from ExceptionGroup('lost exceptions', {causes})"


def test_what_the_test_fails_with_is_not_told_again(suite: Suite) -> None:
    """An exception that a test itself fails with was not lost, whoever else has it."""
    done = ran(
        suite,
        """
KEPT = []

async def test_it():
    KEPT.clear()
    error = KeyError("lamp")
    for _ in range(2):
        KEPT.append(asyncio.get_running_loop().create_future())
        KEPT[-1].set_exception(error)
    await KEPT[0]
""",
    )
    assert suite.findings == []
    assert lines_of(done) == ["KeyError from None"] * len(ON_ASYNCIO)


TOLD_BY_A_CALLBACK = """
class Job:
    def __init__(self, body):
        self.task = asyncio.ensure_future(body)
        self.task.add_done_callback(self.done)

    def done(self, task):
        error = task.exception()
        context = {"message": "job failed", "exception": error}
        asyncio.get_running_loop().call_exception_handler(context)

    async def wait(self):
        return await self.task

async def breaks():
    raise KeyError("early")  # the line that raised

async def test_it_hears_it_later():
    job = Job(breaks())
    await anyio.sleep(0.01)
    with pytest.raises(KeyError):
        await job.wait()

class TestIt:
    async def test_it_catches_it_later(self):
        job = Job(breaks())
        await anyio.sleep(0.01)
        try:
            await job.wait()
        except KeyError:
            pass

async def test_nobody_hears_it():
    job = Job(breaks())
    await anyio.sleep(0.01)

async def test_another_task_hears_it():
    job = Job(breaks())
    await anyio.sleep(0.01)
    async def other():
        try:
            await job.wait()
        except KeyError:
            pass
    await asyncio.create_task(other())

async def test_it_raised_it_first():
    try:
        raise KeyError("own")
    except KeyError as error:
        context = {"message": "job failed", "exception": error}
        asyncio.get_running_loop().call_exception_handler(context)
"""


def test_what_reaches_the_test_later_is_not_lost(suite: Suite) -> None:
    """Told to the loop and then raised into the test is heard; else the first raise is told."""
    done = ran(suite, TOLD_BY_A_CALLBACK, backends=["asyncio"])
    names = {str(one.place.test).partition("::test_")[2] for one in suite.findings}
    lost = ("nobody_hears_it", "another_task_hears_it", "it_raised_it_first")
    assert names == {f"{name}[asyncio]" for name in lost}
    assert done.text.count('>   raise KeyError("early")  # the line that raised') == 2


def test_task_with_two_callbacks_tells_three_exceptions(suite: Suite) -> None:
    """What a task loses and what its callbacks lose are told side by side."""
    ran(
        suite,
        """
async def boom():
    await asyncio.sleep(0)
    raise KeyError("task")

async def test_it():
    def callback(task):
        raise ValueError("callback")

    task = asyncio.create_task(boom())
    task.add_done_callback(callback)
    await anyio.wait_all_tasks_blocked()
    del task
    gc.collect()
""",
        backends=["asyncio"],
    )
    words = sorted(one.summary.partition(" was")[0] for one in suite.findings)
    assert words == ["KeyError: 'task'", "ValueError: callback"]


# -- policies ------------------------------------------------------------------------------------


def test_off_is_as_without_anyrig(suite: Suite) -> None:
    """Off, callbacks fail the test as anyio has it, and pytest warns as it does."""
    done = ran(
        suite,
        LOST_EXCEPTION
        + """
class Dies:
    def __del__(self):
        raise KeyError("dies")

def test_dies():
    Dies()

async def test_callback():
    def fails():
        raise ValueError("callback")

    asyncio.get_running_loop().call_soon(fails)
    await asyncio.sleep(0)
""",
        "--anyrig-lost-exceptions=off",
        backends=["asyncio"],
    )
    assert suite.findings == []
    assert lines_of(done) == ["ValueError from None"]
    assert "PytestUnhandledThreadExceptionWarning" in done.text
    assert "PytestUnraisableExceptionWarning" in done.text


@pytest.mark.parametrize("policy", ["fail", "warn"])
def test_pytest_does_not_tell_it_again(suite: Suite, policy: str) -> None:
    """What became a finding is no warning of pytest's besides, of either kind."""
    done = ran(
        suite,
        LOST_EXCEPTION
        + """
class Dies:
    def __del__(self):
        raise KeyError("dies")

def test_dies():
    Dies()
""",
        f"--anyrig-lost-exceptions={policy}",
        "-W",
        "error",
        backends=["asyncio"],
    )
    assert suite.found == [
        ("lost_exception", "test_loses", policy),
        ("lost_exception", "test_dies", policy),
    ]
    assert "Pytest" not in done.text


def test_warning_made_an_error_is_left_to_pytest(suite: Suite) -> None:
    """A ResourceWarning that a filter makes an error of in a finaliser is no lost exception."""
    done = ran(
        suite,
        """
import warnings

class Dies:
    def __del__(self):
        warnings.warn("not closed", ResourceWarning)

@pytest.mark.filterwarnings("error::ResourceWarning")
def test_it():
    Dies()
""",
        backends=["asyncio"],
    )
    assert suite.findings == []
    assert "PytestUnraisableExceptionWarning" in done.text


def test_exits_are_left_to_who_was_there_before(suite: Suite) -> None:
    """SystemExit in a thread ends the thread, and is nobody's loss."""
    ran(
        suite,
        """
def test_it():
    thread = threading.Thread(target=sys.exit)
    thread.start()
    thread.join()
""",
        backends=["asyncio"],
    )
    assert suite.findings == []


# -- whose it is ---------------------------------------------------------------------------------


def test_thread_of_a_test_that_is_over(suite: Suite) -> None:
    """What a thread raises belongs to the test that started it, also while another one runs."""
    ran(
        suite,
        """
GO = threading.Event()
THREADS = []

def fails():
    GO.wait()
    raise KeyError("late")

def test_starts():
    THREADS.append(threading.Thread(target=fails))
    THREADS[0].start()

def test_next():
    GO.set()
    THREADS[0].join()
""",
        "--anyrig-leaked-threads=off",
        backends=["asyncio"],
    )
    assert suite.found == [("lost_exception", "test_starts", "fail")]


def test_between_tests_pytest_is_told(suite: Suite) -> None:
    """What is lost while no test runs goes to the hook that was there before."""
    done = ran(
        suite,
        """
class Dies:
    def __del__(self):
        raise KeyError("dies")

def test_it(): ...
""",
        backends=["asyncio"],
    )
    suite.write(
        "conftest.py", "def pytest_runtest_logfinish():\n    import test_it\n    test_it.Dies()\n"
    )
    done = suite.spawn("-p", "no:randomly")
    assert suite.findings == []
    assert done.status == 0, done.text


def test_allow_block(suite: Suite) -> None:
    """``allow("lost_exception")`` permits what is lost in its block, and fails for none."""
    ran(
        suite,
        """
import anyrig

class Dies:
    def __del__(self):
        raise KeyError("dies")

def test_permitted():
    with anyrig.allow("lost_exception"):
        Dies()

def test_unused():
    with anyrig.allow("lost_exception"):
        pass
""",
        backends=["asyncio"],
    )
    assert suite.found == [("lost_exception", "test_permitted", "permitted")]


def test_thread_permitted_by_its_author(suite: Suite) -> None:
    """A mark on the test that ignores pytest's warning permits; one for the other kind does not."""
    ran(
        suite,
        """
def fails():
    raise KeyError("x")

@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_permitted():
    thread = threading.Thread(target=fails)
    thread.start()
    thread.join()

@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_other():
    thread = threading.Thread(target=fails)
    thread.start()
    thread.join()
""",
        backends=["asyncio"],
    )
    assert suite.found == [
        ("lost_exception", "test_permitted", "permitted"),
        ("lost_exception", "test_other", "fail"),
    ]


def test_hooks_are_inside_of_a_test_runs_own(suite: Suite) -> None:
    """A hook that a test sets hears first, and one that stays is not taken away."""
    done = ran(
        suite,
        """
HEARD = []

class Dies:
    def __del__(self):
        raise KeyError("dies")

def test_own():
    sys.unraisablehook = HEARD.append
    Dies()
    assert len(HEARD) == 1
    HEARD.clear()

def test_still():
    Dies()
    assert len(HEARD) == 1
    HEARD.clear()
""",
        "-p",
        "no:unraisableexception",
        backends=["asyncio"],
    )
    assert (done.status, suite.findings) == (0, [])


def test_protocol(suite: Suite) -> None:
    """What a protocol raises names the protocol's class."""
    ran(
        suite,
        """
class Echo(asyncio.Protocol):
    def data_received(self, data):
        raise KeyError("data")

async def test_it():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Echo, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"x")
    await reader.read()
    writer.close()
    server.close()
    await anyio.wait_all_tasks_blocked()
""",
    )
    assert {one.what for one in suite.findings} == {"the event loop: protocol Echo"}
    assert len(suite.findings) == len(ON_ASYNCIO)
