"""What a test or another plugin takes away from what ends a test: signals, deadlocks, time."""

from __future__ import annotations

import signal
import threading

import pytest

from anyrig.interrupts import Interrupts
from anyrig.seams.cpython import stacks
from anyrig.seams.needs import Table, optional
from anyrig.wakers import Wakers
from inner import Suite

HEAD = "import asyncio, signal, sys, threading, time\nimport anyio, pytest\n"


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="there are no such signals")
def test_signals_that_are_taken_away(suite: Suite) -> None:
    """Whatever a test does to the handlers of all signals, what hangs after it, or in it, ends."""
    suite.ini("anyrig_backends = asyncio")
    suite.write(
        "test_it.py",
        HEAD
        + """
def ours():
    return [
        number
        for number in signal.valid_signals()
        if type(getattr(signal.getsignal(number), "__self__", None)).__module__ == "anyrig.limits"
    ]

@pytest.mark.anyrig(timeout=0.2)
@pytest.mark.parametrize("what", [signal.SIG_DFL, signal.SIG_IGN])
def test_takes_one(what):
    signal.signal(ours()[0], what)
    time.sleep(3600)

@pytest.mark.anyrig(timeout=0.2)
def test_takes_all():
    for number in ours():
        signal.signal(number, signal.SIG_DFL)
    while True:
        time.sleep(0.01)

@pytest.mark.anyrig(timeout=0.2)
def test_blocks_one():
    signal.pthread_sigmask(signal.SIG_BLOCK, ours()[:1])
    time.sleep(3600)

@pytest.mark.anyrig(timeout=0.2)
def test_after():
    time.sleep(3600)
""",
    )
    done = suite.spawn()
    assert done.counts == {"failed": 5}, done.text
    assert {one.kind.value for one in suite.findings} == {"timeout"}
    assert len(suite.findings) == 5


def test_what_was_taken_away_is_said() -> None:
    """Signals that are lost are named, and others take their place; all are given back."""
    interrupts = Interrupts(threading.get_ident(), lambda number, frame: None)
    interrupts.ensure()
    if not interrupts.signals:
        return  # this system, or this thread, has none
    first = interrupts.signals[0]
    signal.signal(first, signal.SIG_IGN)
    try:
        interrupts.ensure()
        assert first not in interrupts.signals
        assert "away" in interrupts.words()
    finally:
        signal.signal(first, signal.SIG_DFL)
        taken = interrupts.signals
        interrupts.close()
    assert all(signal.getsignal(number) is signal.SIG_DFL for number in taken)


@pytest.mark.parametrize("method", ["signal", "thread"])
def test_deadlocks_beside_pytest_timeout(suite: Suite, method: str) -> None:
    """pytest-timeout's limit leaves the check for deadlocks on, by either of its methods."""
    pytest.importorskip("pytest_timeout", reason="it is what is beside")
    suite.ini("anyrig_backends = asyncio")
    suite.write("test_it.py", HEAD + "async def test_waits():\n    await anyio.Event().wait()\n")
    done = suite.spawn(
        "--timeout=100", f"--timeout-method={method}", plugins=("anyio", "anyrig", "timeout")
    )
    assert suite.found == [("deadlock", "test_waits[asyncio]", "fail")], done.text


def test_why_no_deadlock_was_looked_for(suite: Suite) -> None:
    """Where a thread could wake the loop that waits, the timeout names it."""
    suite.ini("anyrig_backends = asyncio", "anyrig_timeout = 0.7", "anyrig_leaked_threads = off")
    suite.write(
        "test_it.py",
        HEAD
        + """
async def test_waits():
    threading.Thread(target=time.sleep, args=(3,), name="poller", daemon=True).start()
    await anyio.Event().wait()
""",
    )
    done = suite.spawn()
    assert "deadlock was not looked for: the thread `poller`" in done.text, done.text


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="there are no such signals")
def test_why_none_was_looked_for_where_a_call_is_held(suite: Suite) -> None:
    """Where the loop can't be asked, what is raised in its wait says so as well."""
    suite.ini("anyrig_backends = asyncio", "anyrig_timeout = 0.7", "anyrig_leaked_threads = off")
    suite.write(
        "test_it.py",
        HEAD
        + """
async def test_waits():
    threading.Thread(target=time.sleep, args=(30,), name="poller", daemon=True).start()
    asyncio.get_running_loop().call_soon_threadsafe = lambda *args, **options: None
    await anyio.Event().wait()
""",
    )
    done = suite.spawn()
    assert "this call held the thread" in done.text, done.text
    assert "pytest_plugin.py" not in done.text, done.text
    assert "deadlock was not looked for: the thread `poller`" in done.text, done.text


def test_why_none_was_looked_for_without_frames(suite: Suite) -> None:
    """Where no thread's frames can be had, each timeout of a loop says so; no other one does."""
    suite.ini("anyrig_backends = asyncio", "anyrig_timeout = 0.3")
    suite.write(
        "without_frames.py",
        "from anyrig.seams.cpython import frames\nframes.current = lambda: None",
    )
    suite.write(
        "test_it.py",
        HEAD
        + """
async def test_waits():
    await anyio.Event().wait()

async def test_holds():
    time.sleep(30)

@pytest.mark.anyrig(deadlock="off")
async def test_with_it_off():
    await anyio.Event().wait()

def test_without_a_loop():
    time.sleep(30)
""",
    )
    suite.spawn("-p", "no:randomly", plugins=("anyio", "anyrig", "without_frames"))
    words = "deadlock was not looked for: beside other interpreters nobody knows"
    assert [
        ((one.place.test or "").partition("::")[2], any(words in line for line in one.details))
        for one in suite.findings
        if one.kind.value == "timeout"
    ] == [
        ("test_waits[asyncio]", True),
        ("test_holds[asyncio]", True),
        ("test_with_it_off[asyncio]", False),
        ("test_without_a_loop", False),
    ]


def test_why_nobody_knows_what_threads_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is gone is named, and other interpreters are not blamed for it."""
    assert "other interpreters" in stacks.why_unknown()
    gone = optional("deadlocks beside threads", "threading", "", ("_gone",))
    monkeypatch.setattr(stacks, "NEEDS", Table(gone))
    assert stacks.busy_threads(()) == [0]
    assert "has no threading._gone" in stacks.why_unknown()


def test_time_at_a_prompt_is_given_back(suite: Suite) -> None:
    """Who reads at a debugger's prompt takes the time that it takes: the limit waits."""
    suite.ini("anyrig_backends = asyncio")
    suite.write(
        "test_it.py",
        HEAD
        + """
import bdb

class Debugger(bdb.Bdb):
    def user_line(self, frame):
        time.sleep(1.2)  # at the prompt
        self.set_continue()

@pytest.mark.anyrig(timeout=1)
async def test_is_debugged():
    Debugger().set_trace()
    await anyio.sleep(0.1)
""",
    )
    done = suite.spawn()
    assert done.counts == {"passed": 1}, done.text


def test_a_sync_test_that_hangs_first_is_told(suite: Suite) -> None:
    """Where the first test of a run is not async and goes on, it is told of as well."""
    suite.ini("anyrig_tell_after = 0.3")
    suite.write("test_it.py", HEAD + "def test_goes_on():\n    time.sleep(1)\n")
    done = suite.spawn("-s")
    assert "test_goes_on has been running for" in done.text, done.text


def test_what_wakes_no_loop() -> None:
    """The threads and handlers that were there before the tests wake no loop."""
    wakers = Wakers(threading.get_ident())
    wakers.know_threads()
    wakers.know_handlers()
    assert wakers.one(None, ()) is None
