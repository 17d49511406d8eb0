"""What another thread puts into a loop that sleeps: it sleeps on, and the test is told of it."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

import asleep
from anyrig import Finding
from anyrig.checks import wrong_thread
from anyrig.findings import Phase, Place
from anyrig.origins import Origins
from anyrig.seams.asyncio_threads import Call
from inner import BACKENDS, Suite
from thread_programs import Program

ON_ASYNCIO = [name for name in BACKENDS if name != "trio"]
PROGRAMS = 16
SEED = os.environ.get("ANYRIG_SEED", "2026")  # another one, other programs

HEAD = """
import asyncio
import socket
import threading
import time

import anyio
import anyrig
import pytest
from asleep import until_asleep


@pytest.fixture
def asleep():
    loop = None

    def wait():
        until_asleep(loop)

    async def start():
        nonlocal loop
        loop = asyncio.get_running_loop()
        return wait

    return start

"""


@pytest.fixture
def threads(suite: Suite) -> Suite:
    """A suite whose tests can wait, in a thread, until the loop of the test sleeps."""
    suite.write("asleep.py", Path(asleep.__file__).read_text(encoding="utf-8"))
    return suite


def failing(suite: Suite) -> list[Finding]:
    """The findings that fail a test; on a busy machine, a loop may be held for a moment as well."""
    return [finding for finding in suite.findings if finding.is_failing]


def write(suite: Suite, name: str, text: str) -> None:
    """Write one file of a suite."""
    suite.write(f"test_{name}.py", HEAD + text)


# name of the file -> its test, what was called, and what to type
CALLS = {
    "event": (
        """
async def test_it(asleep):
    event, wait = asyncio.Event(), await asleep()

    def work():
        wait()
        event.set()  # HERE

    threading.Thread(target=work).start()
    await event.wait()
""",
        "`event.set()` was called in the thread `work`",
        "    loop.call_soon_threadsafe(event.set)",
    ),
    "future": (
        """
async def test_it(asleep):
    future, wait = asyncio.get_running_loop().create_future(), await asleep()

    def work():
        wait()
        future.set_result([1, 2])  # HERE

    threading.Thread(target=work, name="the worker").start()
    await future
""",
        "`future.set_result([1, 2])` was called in the thread `the worker`",
        "    loop.call_soon_threadsafe(future.set_result, [1, 2])",
    ),
    "library": (
        """
async def test_it(asleep):
    queue, wait = asyncio.Queue(), await asleep()

    def work(put):
        wait()
        put(item=1)  # HERE

    threading.Thread(target=work, args=(queue.put_nowait,)).start()
    await queue.get()
""",
        "`put(item=1)` was called in the thread `work`",
        "    loop.call_soon_threadsafe(functools.partial(put, item=1))",
    ),
    "callback": (
        """
async def test_it(asleep):
    loop, event, wait = asyncio.get_running_loop(), asyncio.Event(), await asleep()

    def work():
        wait()
        loop.call_soon(event.set)  # HERE

    threading.Thread(target=work).start()
    await event.wait()
""",
        "`loop.call_soon(event.set)` was called in the thread `work`",
        "    loop.call_soon_threadsafe(event.set)",
    ),
    "task": (
        """
async def test_it(asleep):
    loop, wait = asyncio.get_running_loop(), await asleep()
    loop.set_task_factory(None)
    ended = asyncio.Event()

    async def ends():
        ended.set()

    def work():
        wait()
        loop.create_task(ends())  # HERE

    threading.Thread(target=work).start()
    await ended.wait()
""",
        "`loop.create_task(ends())` was called in the thread `work`",
        "    asyncio.run_coroutine_threadsafe(ends(), loop)",
    ),
    "socket": (
        """
async def test_it(asleep):
    event = asyncio.Event()

    def work():
        until_asleep(loop, others=1)
        event.set()  # HERE

    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        loop.add_reader(ours, print)
        threading.Thread(target=work).start()
        await event.wait()
        loop.remove_reader(ours)
""",
        "`event.set()` was called in the thread `work`",
        "    loop.call_soon_threadsafe(event.set)",
    ),
}


def test_call_is_told(threads: Suite) -> None:
    """A test that would wait for ever is told who has called what, where, and what to type."""
    threads.ini(f"anyrig_backends = {' '.join(ON_ASYNCIO)}")
    for name, (text, _, _) in CALLS.items():
        write(threads, name, text)
    done = threads.spawn()
    assert done.counts == {"failed": len(CALLS) * len(ON_ASYNCIO)}
    found = {finding.place.test: finding for finding in failing(threads)}
    for name, (_, summary, mend) in CALLS.items():
        for backend in ON_ASYNCIO:
            finding = found[f"test_{name}.py::test_it[{backend}]"]
            assert (finding.kind, finding.summary) == ("wrong_thread", summary)
            assert finding.origin is not None
            assert finding.origin.source.endswith("# HERE")
            assert mend in finding.mend


def test_what_a_thread_was_given(tmp_path: Path) -> None:
    """A thread that runs none of the user's code is told where it was started, and given what."""
    path = tmp_path / "test_it.py"
    path.write_text("threading.Timer(0.3, event.set).start()\n", encoding="utf-8")
    library = (threading.__file__, 1, "run")
    call = Call(None, "Event.set", [library], [(str(path), 1, "test_it")])
    finding = wrong_thread.finding(Origins(tmp_path), Place("x", Phase.CALL), [call])
    assert finding.summary == "`event.set()` was called in another thread"
    assert str(finding.origin) == "test_it.py:1"
    assert finding.mend == (
        "give the thread `loop.call_soon_threadsafe` to call, with `event.set` for its argument",
    )
    (detail,) = wrong_thread.details(Origins(tmp_path), [call])
    words = "`event.set()` was called in another thread (test_it.py:1), and the loop was not told"
    assert detail == words


UNKNOWN = """
import _thread

async def test_it(asleep):
    event, wait = asyncio.Event(), await asleep()

    def work():
        wait()
        event.set()

    _thread.start_new_thread(work, ())
    await event.wait()
"""


def test_thread_that_nobody_knows(threads: Suite) -> None:
    """Where nobody has heard of the thread, the test is told where it waits."""
    threads.ini(f"anyrig_backends = {' '.join(ON_ASYNCIO)}")
    write(threads, "it", UNKNOWN)
    threads.spawn()
    assert [finding.kind for finding in failing(threads)] == ["wrong_thread"] * len(ON_ASYNCIO)
    for finding in failing(threads):
        assert finding.summary == wrong_thread.UNKNOWN
        assert finding.origin is not None
        assert finding.origin.source == "await event.wait()"


UNTIL = """
async def test_it():
    event, asked = asyncio.Event(), threading.Event()

    def work():
        asked.wait()
        event.set()  # HERE

    def has_come():
        asked.set()
        return task.done()

    task = asyncio.create_task(event.wait())
    threading.Thread(target=work).start()
    await anyrig.until(has_come)
"""


def test_until_hears_it(threads: Suite) -> None:
    """What `until` lets go on, for it wakes the loop, is told: without it the loop would sleep."""
    threads.ini(f"anyrig_backends = {' '.join(ON_ASYNCIO)}")
    write(threads, "it", UNTIL)
    done = threads.spawn()
    assert done.counts == {"failed": len(ON_ASYNCIO)}
    assert [finding.kind for finding in failing(threads)] == ["wrong_thread"] * len(ON_ASYNCIO)
    for finding in failing(threads):
        assert finding.summary == "`event.set()` was called in the thread `work`"
        assert any("`until` kept the loop awake" in detail for detail in finding.details)


INNOCENT = """
@on_asyncio
async def test_told(asleep):
    loop, event, wait = asyncio.get_running_loop(), asyncio.Event(), await asleep()

    def work():
        wait()
        loop.call_soon_threadsafe(event.set)

    threading.Thread(target=work).start()
    await event.wait()


@on_asyncio
async def test_coroutine(asleep):
    loop, event, wait = asyncio.get_running_loop(), asyncio.Event(), await asleep()

    async def sets():
        event.set()

    def work():
        wait()
        asyncio.run_coroutine_threadsafe(sets(), loop).result()

    thread = threading.Thread(target=work)
    thread.start()
    await event.wait()
    await anyio.to_thread.run_sync(thread.join)


async def test_from_thread():
    event = anyio.Event()

    def work():
        anyio.from_thread.run_sync(event.set)
        return 1

    assert await anyio.to_thread.run_sync(work) == 1
    await event.wait()


async def test_until():
    came = []
    thread = threading.Thread(target=came.append, args=(1,))
    thread.start()
    await anyrig.until(lambda: came)


def test_a_loop_that_is_about_to_run():
    loop, came = asyncio.new_event_loop(), []
    loop.call_soon(came.append, 1)
    loop.call_soon(loop.stop)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    thread.join()
    loop.close()
    assert came == [1]


async def test_ordinary_work():
    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(anyio.to_thread.run_sync, int)
"""


def test_innocent(threads: Suite) -> None:
    """Who tells the loop, at once or in a moment, and what runs in no loop yet, is left alone."""
    threads.ini(f"anyrig_backends = {' '.join(BACKENDS)}")
    mark = f"on_asyncio = pytest.mark.anyrig(backends={ON_ASYNCIO})\n"
    write(threads, "it", mark + INNOCENT)
    done = threads.spawn()
    assert set(done.counts) == {"passed"}
    assert failing(threads) == []


HOLD = """
from anyrig.limits import Limits

locks = []  # the one that holds the loop, until it is told
note = Limits._note_blocked


def noted(self, *told):
    note(self, *told)
    locks.pop().release()


Limits._note_blocked = noted
"""
HELD = """
import os, signal

from conftest import locks


def soon(loop, holds, goes_on):
    loop.call_soon(holds)
    loop.call_soon(goes_on)


def later(loop, holds, goes_on):
    loop.call_later(0.01, goes_on)
    loop.call_at(loop.time() + 0.01, holds, True)


def threadsafe(loop, holds, goes_on):
    def work():
        loop.call_soon_threadsafe(holds)
        loop.call_soon_threadsafe(goes_on)

    threading.Thread(target=work).start()


def handled(loop, holds, goes_on):
    loop.add_signal_handler(signal.SIGUSR1, holds)
    loop.add_signal_handler(signal.SIGUSR2, goes_on)
    os.kill(os.getpid(), signal.SIGUSR1)
    os.kill(os.getpid(), signal.SIGUSR2)


def read(loop, holds, goes_on):
    for callback in (goes_on, holds):
        ours, theirs = socket.socketpair()
        sockets.extend((ours, theirs))
        loop.add_reader(ours, callback)
        theirs.send(b"x")


sockets = []


@pytest.mark.anyrig(backends={backends}, blocked_loop_after=0.2, timeout=30)
@pytest.mark.parametrize("way", [soon, later, threadsafe, handled, read])
async def test_it(way):
    loop, event, lock = asyncio.get_running_loop(), asyncio.Event(), threading.Lock()
    lock.acquire()
    locks.append(lock)
    way(loop, lock.acquire, event.set)
    await event.wait()
    for one in sockets[::2]:
        loop.remove_reader(one)
    while sockets:
        sockets.pop().close()
    loop.remove_signal_handler(signal.SIGUSR1)
    loop.remove_signal_handler(signal.SIGUSR2)
"""


def test_what_a_loop_calls_in_c_is_no_sleep(threads: Suite) -> None:
    """A loop that C holds which it calls itself is blocked: what is ready meanwhile was told."""
    threads.ini(f"anyrig_backends = {' '.join(ON_ASYNCIO)}")
    threads.write("conftest.py", HOLD)
    write(threads, "it", HELD.format(backends=ON_ASYNCIO))
    done = threads.spawn()
    assert done.counts == {"passed": 5 * len(ON_ASYNCIO)}, done.text
    assert {kind for kind, *_ in threads.found} == {"blocked_loop"}
    summaries = {one.summary.partition(" held")[0] for one in threads.findings}
    unnamed = {"a call"} if "asyncio+uvloop" in ON_ASYNCIO else set()
    assert summaries == {"a call of `lock.acquire`", *unnamed}


WAITS = """
@pytest.mark.anyrig({policies})
async def test_it(asleep):
    event, wait = asyncio.Event(), await asleep()

    def work():
        wait()
        event.set()

    thread = threading.Thread(target=work)
    thread.start()
    await event.wait()
"""
# the name of a file -> what is looked at, and what is found
OFF = 'wrong_thread="off", deadlock="off", timeout=2, tell_after=0.2, blocked_loop_after=0.2'
LOOKED = {"deadlock": ('wrong_thread="off"', "deadlock"), "timeout": (OFF, "timeout")}


def test_no_look_lets_it_go_on(threads: Suite) -> None:
    """Whatever looks, and whatever is told: what would hang is red."""
    threads.ini(f"anyrig_backends = {' '.join(ON_ASYNCIO)}")
    for name, (policies, _) in LOOKED.items():
        write(threads, name, WAITS.format(policies=policies))
    done = threads.spawn()
    assert "passed" not in done.counts
    assert len(failing(threads)) == len(LOOKED) * len(ON_ASYNCIO)
    for finding in failing(threads):
        name = str(finding.place.test).removeprefix("test_").partition(".")[0]
        assert finding.kind == LOOKED[name][1]


TOLD = """
import threading

from anyrig import whereabouts

told = threading.Event()
came = []
tell = whereabouts.Whereabouts._tell


def telling(self, watch, now, heading, lines):
    came.append([heading, *lines])
    tell(self, watch, now, heading, lines)
    told.set()


whereabouts.Whereabouts._tell = telling
"""
GOES_ON = """
from conftest import came, told


@pytest.mark.anyrig(wrong_thread="off", deadlock="off", tell_after=0.1)
async def test_it(asleep):
    event, wait = asyncio.Event(), await asleep()
    loop = asyncio.get_running_loop()

    def work():
        wait()
        event.set()
        told.clear()
        told.wait()
        came.append("the loop is told")
        loop.call_soon_threadsafe(int)

    threading.Thread(target=work).start()
    await event.wait()
    *told_before, last = came
    assert told_before[-1][0] == "Its tasks wait here:"
    assert any("await event.wait()" in line for line in told_before[-1])
    assert last == "the loop is told"
"""


def test_whoever_tells_where_it_waits_wakes_nobody(threads: Suite) -> None:
    """The notice of a test that goes on shows its tasks as they wait, and they wait on."""
    threads.ini("anyrig_backends = asyncio")
    threads.write("conftest.py", TOLD)
    write(threads, "it", GOES_ON)
    assert threads.spawn().counts == {"passed": 1}


ELSEWHERE = """
def test_it():
    async def main():
        event, loop = asyncio.Event(), asyncio.get_running_loop()

        def work():
            until_asleep(loop)
            event.set()  # HERE

        threading.Thread(target=work).start()
        await event.wait()

    asyncio.run(main())
"""


def test_loop_of_anothers(threads: Suite) -> None:
    """A loop that is no runner's of ours is looked at in the same way."""
    threads.ini("anyrig_backends = asyncio")
    threads.write("test_first.py", "async def test_async(): pass")
    write(threads, "it", ELSEWHERE)
    done = threads.spawn("test_first.py", "test_it.py")
    (finding,) = failing(threads)
    assert (done.counts, finding.kind) == ({"passed": 1, "failed": 1}, "wrong_thread")
    assert finding.summary == "`event.set()` was called in the thread `work`"


LOOKS = (
    (),
    ("--anyrig-deadlock=off", "--anyrig-blocked-loop=off", "--anyrig-tell-after=0.1"),
    ("--anyrig-wrong-thread=off", "--anyrig-tell-after=0.1", "--anyrig-blocked-loop-after=0.1"),
)
SHOWN = [name for name in ON_ASYNCIO if "uvloop" not in name]


@pytest.mark.parametrize("looks", LOOKS, ids=" ".join)
def test_random_programs(threads: Suite, looks: tuple[str, ...]) -> None:
    """Whatever looks at it, each program comes as far as its thread has told the loop.

    One that comes to its end by that passes; one that calls the loop without telling it may be told
    of that before. One that does not come to its end fails.
    """
    threads.ini(f"anyrig_backends = {' '.join(SHOWN)}")
    programs = [Program(f"{SEED} {number}") for number in range(PROGRAMS)]
    for number, program in enumerate(programs):
        threads.write(f"test_{number}.py", program.text)
    done = threads.spawn(*looks)
    assert done.counts["failed"] == len(failing(threads))
    told = {finding.place.test: finding.kind.value for finding in failing(threads)}
    for number, program in enumerate(programs):
        for backend in SHOWN:
            kind = told.get(f"test_{number}.py::test_it[{backend}]")
            assert kind in program.kinds, program.text
