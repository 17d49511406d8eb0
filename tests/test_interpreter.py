"""The interpreter is never harmed: thousands of dropped coroutines, finalisers, signals."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from inner import Suite
from signals_at_random import WRONG
from support import run

# how many runs are interrupted; hundreds for a long run
SIGNALS = os.environ.get("ANYRIG_TEST_SIGNALS", "8")

MANY = """
import gc
import threading
import weakref

import pytest

async def save(number):
    pass

def drop(times):
    for number in range(times):
        save(number)

def test_in_a_loop():
    drop(50_000)

def test_between_other_things():
    rest = []
    for number in range(5_000):
        save(number)
        rest.append([[number], {number: number}])

def test_in_threads():
    threads = [threading.Thread(target=drop, args=(1_000,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

def test_in_cycles():
    for number in range(2_000):
        cycle = [save(number)]
        cycle.append(cycle)

def test_in_generations():
    for number in range(60):
        kept = [save(number)]
        gc.collect(number % 3)
        kept.clear()

@pytest.fixture
def at_each_allocation():
    before = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    yield
    gc.set_threshold(*before)

def test_at_each_allocation(at_each_allocation):
    for number in range(50):
        save(number)
    cycle = [save(50)]
    cycle.append(cycle)

class Drops:
    def __del__(self):
        save(1)

def test_in_a_finaliser(at_each_allocation):
    for _ in range(20):
        Drops()
        cycle = [Drops()]
        cycle.append(cycle)
    del cycle
    gc.collect()

def test_in_a_callback_of_a_weak_reference(at_each_allocation):
    class Thing: pass
    for _ in range(20):
        thing = Thing()
        reference = weakref.ref(thing, save)
        del thing

def test_in_a_generator(at_each_allocation):
    def rows():
        try:
            yield 1
        finally:
            save([[] for _ in range(10)])
    for _ in range(20):
        for row in rows():
            break
"""


def test_what_is_dropped_by_thousands_is_counted(suite: Suite) -> None:
    """Each test is told how many it has dropped, and the run goes on to its end."""
    suite.write("test_it.py", MANY)
    done = suite.spawn("-q")
    assert done.status == 1, done.text[-3000:]
    counts: dict[str, int] = {}
    for finding in suite.findings:
        assert finding.kind.value == "missed_await"
        assert finding.place.test is not None
        name = finding.place.test.partition("::")[2]
        counts[name] = counts.get(name, 0) + finding.count
    assert counts == {
        "test_in_a_loop": 50_000,
        "test_between_other_things": 5_000,
        "test_in_threads": 4_000,
        "test_in_cycles": 2_000,
        "test_in_generations": 60,
        "test_at_each_allocation": 51,
        "test_in_a_finaliser": 40,
        "test_in_a_callback_of_a_weak_reference": 20,
        "test_in_a_generator": 20,
    }


IN_FINALISERS = """
import gc
import signal
import time

import pytest

class Takes:
    def __del__(self):
        time.sleep(60)

@pytest.mark.anyrig(timeout=0.2)
def test_finaliser_that_hangs():
    Takes()

@pytest.mark.anyrig(timeout=0.2)
def test_callback_of_the_collector_that_hangs():
    def collects(phase, info):
        time.sleep(60)
    gc.callbacks.append(collects)
    try:
        gc.collect()
    finally:
        gc.callbacks.remove(collects)

def test_innocent():
    pass

class Interrupted:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)

def test_ctrl_c():
    Interrupted()

def test_never_reached():
    pass
"""


def test_signals_in_finalisers_are_heard(suite: Suite) -> None:
    """The error of a time limit ends its test, and Ctrl-C the run, where nobody would hear them."""
    suite.write("test_it.py", IN_FINALISERS)
    done = suite.spawn("-q")
    assert done.status == 2, done.text[-3000:]
    assert done.counts == {"failed": 2, "passed": 1}, done.text[-3000:]
    assert suite.found == [
        ("timeout", "test_finaliser_that_hangs", "fail"),
        ("timeout", "test_callback_of_the_collector_that_hangs", "fail"),
    ]
    assert "KeyboardInterrupt" in done.text


BETWEEN_HOOKS = """
import _signal
import linecache
import signal
import sys

import pytest

ALL = signal.valid_signals()

def let_come(frame, event, argument):
    if "in reversed(teardowns)" in linecache.getline(frame.f_code.co_filename, frame.f_lineno):
        frame.f_trace = None
        sys.__stdout__.write("it came\\n")
        _signal.pthread_sigmask(signal.SIG_UNBLOCK, ALL)  # none of its own frames
    return let_come

# its frame passes for one of what calls pytest's hooks: the signal lands there
BETWEEN = {**globals(), "__name__": "pluggy.between"}
let_come = type(let_come)(let_come.__code__, BETWEEN)
BETWEEN["let_come"] = let_come

def where_hooks_are_called(name):
    frame = sys._getframe()
    while frame.f_code.co_name != "_multicall" or frame.f_locals["hook_name"] != name:
        frame = frame.f_back
    return frame

@pytest.mark.anyrig(timeout=0.2)
def test_ends_late():
    signal.pthread_sigmask(signal.SIG_BLOCK, ALL)
    while not signal.sigpending():
        pass
    where_hooks_are_called("pytest_runtest_call").f_trace = let_come
    sys.settrace(lambda *_: None)

def test_after():
    sys.settrace(None)
"""


def test_a_limit_that_is_over_between_two_hooks_breaks_none(suite: Suite) -> None:
    """What wraps a test comes to its second half: pytest's capture, and the end of the watch."""
    suite.write("test_it.py", BETWEEN_HOOKS)
    done = suite.spawn("-s")
    # on a machine that is slow enough the setup is over late, or the teardown
    assert "it came" in done.text or "in its setup" in done.text, done.text[-3000:]
    assert done.status in (0, 1), done.text[-3000:]
    assert done.counts["passed"] in (1, 2), done.text[-3000:]
    assert not [word for word in WRONG if word in done.text], done.text[-3000:]


# On CPython 3.11 the jump at the end of the inner loop has no line.
SPINS = """
import dis
import sys

import pytest

def spins(ends):
    names = {"a": 0}
    while not ends():
        for name in ["x", "a"] * 1000:
            if name in names:
                try:
                    number = names[name]
                except KeyError:
                    number = 1
                names[name] = number
"""
LIMIT_IN_A_JUMP = """
@pytest.mark.anyrig(timeout=0.2)
def test_spins():
    spins(lambda: False)

def test_after(): pass
"""
INTERRUPT_IN_A_JUMP = """
def interrupts(frame, event, _):
    if frame.f_code is spins.__code__:
        frame.f_trace_opcodes = True
        if event == "opcode" and frame.f_lasti in JUMPS:
            raise KeyboardInterrupt
        return interrupts

JUMPS = {
    one.offset for one in dis.get_instructions(spins)
    if one.opname.startswith("JUMP_BACKWARD") and not (one.positions and one.positions.lineno)
}
if JUMPS:
    sys.settrace(interrupts)
    spins(lambda: False)
raise KeyboardInterrupt
"""


def test_a_limit_that_ends_a_test_where_there_is_no_line_is_told(suite: Suite) -> None:
    """With the line before it, and the run goes on."""
    suite.write("test_limit.py", SPINS + LIMIT_IN_A_JUMP)
    done = suite.spawn("test_limit.py")
    assert done.counts == {"failed": 1, "passed": 1}, done.text[-3000:]
    assert "test_limit.py:" in done.text


@pytest.mark.skipif(
    tuple(map(int, pytest.__version__.split(".")[:2])) < (8, 2),
    reason="until pytest 8.1 Ctrl-C in a module is that module's error, which no hook is given",
)
def test_an_interrupt_where_there_is_no_line_is_told(suite: Suite) -> None:
    """Ctrl-C while tests are collected ends the run as ever."""
    suite.write("test_interrupt.py", SPINS + INTERRUPT_IN_A_JUMP)
    done = suite.spawn("test_interrupt.py")
    assert done.status == 2, done.text[-3000:]
    assert "KeyboardInterrupt" in done.text
    assert "INTERNALERROR" not in done.text


def test_signals_at_random_moments(tmp_path: Path) -> None:
    """A run that a signal interrupts ends, as interrupted or as it would have."""
    script = Path(__file__).with_name("signals_at_random.py")
    done = run([sys.executable, str(script), "1", SIGNALS], tmp_path)
    assert done.status == 0, done.text[-5000:]
