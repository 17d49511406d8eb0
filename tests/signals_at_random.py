"""Runs of a small suite that a signal interrupts at a random moment.

``python signals_at_random.py [seed] [runs]``, in a folder of its own. Each run has to end, by
itself, as interrupted or as it would have.

The odd runs get a SIGINT; the even ones a time limit for each test, whose signal comes when it is
over. The moments follow from the seed, what they hit does not.
"""

from __future__ import annotations

import contextlib
import faulthandler
import io
import os
import random
import re
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

SUITE = """
import gc
import threading

import anyio
import anyio.to_thread
import pytest

import anyrig

async def save(number):
    pass

class Drops:
    def __del__(self):
        [[number] for number in range(20)]

@pytest.fixture(scope="module")
async def server(anyio_backend):
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep, 60)
        yield group
        group.cancel_scope.cancel()

@pytest.fixture(autouse=True)
def at_each_allocation():
    gc.set_threshold(100, 5, 50)
    yield
    gc.set_threshold(700, 10, 10)

@pytest.mark.parametrize("number", range(3))
def test_sync(number):
    with anyrig.allow("missed_await"):
        for one in range(50):
            save(one)
            cycle = [Drops(), save(one)]
            cycle.append(cycle)

async def test_waits():
    await anyio.sleep(0.01)

async def test_uses(server):
    server.start_soon(anyio.sleep, 0)
    await anyio.sleep(0.002)

async def test_thread(server):
    await anyio.to_thread.run_sync(lambda: [Drops() for _ in range(20)])

async def test_group(task_group):
    for _ in range(5):
        task_group.start_soon(anyio.sleep, 0.001)

async def test_clock(clock):
    await anyio.sleep(60)

async def rows():
    try:
        yield 1
        yield 2
    finally:
        Drops()

async def test_generator():
    async for row in rows():
        pass

def test_thread_of_its_own():
    thread = threading.Thread(target=lambda: [Drops() for _ in range(50)])
    thread.start()
    thread.join()
"""
AT_MOST = 300.0  # seconds for a run that takes less than one, on a machine that does much else
# what pytest says of itself, the interpreter of what it can't raise, anyrig of itself
WRONG = ("INTERNALERROR", "Exception ignored in", "Exception ignored while", "internal error")
# asyncio's, of a loop that an earlier signal has left half made
HALF_MADE = re.compile(r"Exception ignored .*BaseEventLoop\.__del__")


def run(*arguments: str) -> tuple[int, str]:
    """The status of a run in this process, and what it wrote."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        status = pytest.main(["-q", "-p", "no:cacheprovider", *arguments, "test_it.py"])
    return int(status), output.getvalue()


def interrupted(seconds: float) -> tuple[int | None, str]:
    """The same, with a SIGINT after some seconds; None where it came before or after the run."""
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(seconds, signal.pthread_kill, (main, signal.SIGINT))
    status: int | None = None
    text = ""
    try:
        timer.start()
        status, text = run()
        timer.join()
        for _ in range(100):  # it may be about to come
            time.sleep(0)
    except KeyboardInterrupt:
        timer.join()
    except TypeError as error:
        # CPython 3.11 has jumps without a line, and pytest's traceback of one ends in this where
        # anyrig has not come, or is gone
        if has_lines() or "_pytest/_code" not in place_of(error):
            raise
        timer.join()
    return status, text


def has_lines() -> bool:
    """Whether each jump of this interpreter has a line."""
    return sys.version_info >= (3, 12)


def place_of(error: BaseException) -> str:
    """The file that it was raised in."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return "" if traceback is None else Path(traceback.tb_frame.f_code.co_filename).as_posix()


def is_wrong(text: str) -> bool:
    """Whether there is a word in it that no run may say."""
    text = HALF_MADE.sub("", text)
    return any(word in text for word in WRONG)


def give_up() -> None:
    """Say where a run hangs, and end the process."""
    sys.__stdout__.flush()  # type: ignore[union-attr]
    faulthandler.dump_traceback(sys.__stderr__, all_threads=True)  # type: ignore[arg-type]
    os._exit(1)


def main(seed: int, runs: int) -> int:
    """Interrupt so many runs; the number of those that ended in another way."""
    Path("test_it.py").write_text(SUITE, encoding="utf-8")
    Path("pytest.ini").write_text("[pytest]\nanyio_mode = auto\n", encoding="utf-8")
    choice = random.Random(seed)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    run()  # all is imported now
    before = time.perf_counter()
    status, text = run()
    took = time.perf_counter() - before
    if status != 0:
        print(text)
        return runs
    wrong = 0
    ends: dict[str, int] = {}
    wanted: set[int | None]
    for number in range(runs):
        # not `dump_traceback_later`: pytest cancels that when a test has failed
        hangs = threading.Timer(AT_MOST, give_up)
        hangs.daemon = True
        hangs.start()
        if number % 2:
            kind = "SIGINT"
            wanted = {None, 0, 2}
            status_now, text = interrupted(choice.uniform(0, took))
        else:
            kind = "limit"
            wanted = {0, 1}
            status_now, text = run(f"--anyrig-timeout={choice.uniform(0.001, 0.03):.4f}")
        hangs.cancel()
        if status_now not in wanted or is_wrong(text):
            wrong += 1
            print(f"--- run {number}, {kind}: status {status_now}\n{text}")
        key = f"{kind} {status_now}"
        ends[key] = ends.get(key, 0) + 1
        sys.stdout.flush()
    print(f"seed {seed}, {runs} runs of {took:.2f} s, {wrong} wrong:", ends)
    return wrong


if __name__ == "__main__":
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.environ["PYTEST_ADDOPTS"] = "-p anyio -p anyrig"
    arguments = [int(one) for one in sys.argv[1:]]
    wrong = main(*(arguments + [1, 12][len(arguments) :]))
    sys.stdout.flush()
    # a worker thread that anyio had started, and not yet noted, when the signal came never ends
    os._exit(min(1, wrong))
