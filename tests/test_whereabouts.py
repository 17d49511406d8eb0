"""Where a test is that goes on: told while it runs, and when Ctrl-C ends it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from inner import BACKENDS, Suite
from support import Ran, run

HEAD = """
import asyncio, os, signal, sys, threading
import anyio, pytest
"""
# What is told is written into a pipe, which the tests of the inner run wait for: they go on until
# they are told of, and no longer.
SCRIPT = """
import os, signal, sys
import pytest

signal.signal(signal.SIGINT, signal.default_int_handler)
ours, theirs = os.pipe()
os.dup2(theirs, 2)
os.environ["TOLD"] = str(ours)
sys.exit(pytest.main(["-p", "no:cacheprovider", *sys.argv[1:]]))
"""
READ = """
TOLD = int(os.environ["TOLD"])

def read():
    text = b""
    while b"sets when this is told" not in text:
        text += os.read(TOLD, 10_000)
    with open("told.txt", "ab") as file:
        file.write(text)
"""


def told(
    suite: Suite, text: str, *arguments: str, plugins: Sequence[str] = ("anyio", "anyrig")
) -> tuple[Ran, str]:
    """Run a module of tests; how that ended, and what was told meanwhile."""
    suite.write("run.py", SCRIPT)
    suite.write("test_it.py", HEAD + READ + text)
    loaded = [word for plugin in plugins for word in ("-p", plugin)]
    folder = Path(suite.path)
    extra = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = run([sys.executable, "run.py", *loaded, *arguments], folder, extra)
    file = folder / "told.txt"
    return done, file.read_text() if file.exists() else ""


@pytest.mark.parametrize("backend", BACKENDS)
def test_tasks_of_a_test_that_goes_on(suite: Suite, backend: str) -> None:
    """After some time a test is told of, captured or not, with where each of its tasks waits."""
    suite.ini(f"anyrig_backends = {backend}\nanyrig_tell_after = 0.2")
    text = """
async def waits(ready):
    await ready.wait()

async def test_goes_on():
    print("captured")
    ready = anyio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(waits, ready)
        await anyio.wait_readable(TOLD)
        read()
        ready.set()
"""
    done, shown = told(suite, text)
    assert done.counts == {"passed": 1}, done.text
    assert "captured" not in done.text
    assert shown.startswith(f"\nanyrig: test_it.py::test_goes_on[{backend}] has been running for")
    assert "Its tasks wait here:\n\n└─ the test and its fixtures\n" in shown
    assert ">   await anyio.wait_readable(TOLD)" in shown
    assert "waits for the Event `ready`" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_it_is_told_again(suite: Suite) -> None:
    """It is told again when the time has doubled, and not before."""
    suite.ini("anyrig_backends = asyncio\nanyrig_tell_after = 0.2")
    text = """
async def test_goes_on():
    for _ in range(3):
        await anyio.wait_readable(TOLD)
        read()
"""
    done, shown = told(suite, text)
    assert done.counts == {"passed": 1}, done.text
    assert shown.count("has been running for") == 3


@pytest.mark.parametrize("word", ["async def", "def"])
def test_call_that_holds_the_thread(suite: Suite, word: str) -> None:
    """Where no loop turns, the thread's own lines are told; in a sync test as well."""
    suite.ini("anyrig_backends = asyncio\nanyrig_tell_after = 0.2\nanyrig_blocked_loop = off")
    text = f"""
async def test_begins():
    pass

{word} test_holds():
    read()
"""
    done, shown = told(suite, text)
    assert done.counts == {"passed": 2}, done.text
    assert "This holds its thread:\n\n   " in shown
    assert ">   text += os.read(TOLD, 10_000)" in shown


def test_loops_of_other_plugins(suite: Suite) -> None:
    """The tasks of a loop that is not ours are told as well."""
    pytest.importorskip("pytest_asyncio", reason="it has the loop")
    suite.write("pytest.ini", "[pytest]\nanyrig_tell_after = 0.2\n")
    text = """
@pytest.mark.asyncio
async def test_goes_on():
    await asyncio.get_running_loop().run_in_executor(None, read)
"""
    plugins = ("anyio", "anyrig", "asyncio")
    done, shown = told(suite, text, "-W", "ignore::DeprecationWarning", plugins=plugins)
    assert done.counts == {"passed": 1}, done.text
    assert "run_in_executor(None, read)" in shown


@pytest.mark.parametrize("setting", ["anyrig_tell_after = off", "anyrig_tell_after = 60"])
def test_healthy_tests_are_not_told_of(suite: Suite, setting: str) -> None:
    """A test that ends in time is not told of, nor any where that is off."""
    suite.ini(f"anyrig_backends = asyncio\n{setting}")
    text = """
import select

async def test_ends():
    await anyio.sleep(0.3)

def test_last():
    assert select.select([TOLD], [], [], 0) == ([], [], [])
"""
    done, shown = told(suite, text)
    assert (done.counts, shown) == ({"passed": 2}, ""), done.text


def test_a_marker_sets_it_for_one_test(suite: Suite) -> None:
    """The marker's word is for one test."""
    suite.ini("anyrig_backends = asyncio")
    text = """
@pytest.mark.anyrig(tell_after=0.2)
async def test_goes_on():
    await anyio.wait_readable(TOLD)
    read()
"""
    done, shown = told(suite, text)
    assert done.counts == {"passed": 1}, done.text
    assert "test_goes_on" in shown


# -- Ctrl-C ----------------------------------------------------------------------------------------

INTERRUPT = """
# where the loop of each backend waits
PLACES = {
    ("selectors.py", "select"),
    ("on_trio.py", "_turn_until_done"),
    ("on_asyncio.py", "_run_loop"),
}

def interrupt():
    main, place = threading.main_thread().ident, None
    while place not in PLACES:
        code = sys._current_frames()[main].f_code
        place = os.path.basename(code.co_filename), code.co_name
    signal.pthread_kill(main, signal.SIGINT)
"""


@pytest.mark.parametrize("backend", BACKENDS)
def test_interrupted_run_says_where_it_was(suite: Suite, backend: str) -> None:
    """Ctrl-C ends the run, in a task group too, and the tree of the tasks is told at its end."""
    suite.ini(f"anyrig_backends = {backend}")
    text = """
async def waits(ready):
    await ready.wait()

async def test_hangs():
    async with anyio.create_task_group() as group:
        group.start_soon(waits, anyio.Event())
        await anyio.wait_all_tasks_blocked()
        threading.Thread(target=interrupt).start()
        await anyio.wait_readable(TOLD)

async def test_never():
    pass
"""
    done, _ = told(suite, INTERRUPT + text)
    assert done.status == pytest.ExitCode.INTERRUPTED, done.text
    heading = (
        f"interrupted: test_it.py::test_hangs[{backend}], in its call\nIts tasks waited here:\n\n"
    )
    assert f"{heading}└─ the test and its fixtures\n" in done.text
    assert ">   await anyio.wait_readable(TOLD)" in done.text
    assert "waits for the Event `ready`" in done.text
    assert "test_never" not in done.text


@pytest.mark.parametrize("backend", BACKENDS)
def test_interrupted_fixture_says_where_it_was(suite: Suite, backend: str) -> None:
    """So it is where a fixture waits."""
    suite.ini(f"anyrig_backends = {backend}")
    text = """
@pytest.fixture
async def slow():
    threading.Thread(target=interrupt).start()
    await anyio.wait_readable(TOLD)

async def test_hangs(slow):
    pass
"""
    done, _ = told(suite, INTERRUPT + text)
    assert done.status == pytest.ExitCode.INTERRUPTED, done.text
    assert f"interrupted: test_it.py::test_hangs[{backend}], in its setup\n" in done.text
    assert ">   await anyio.wait_readable(TOLD)" in done.text


@pytest.mark.parametrize("word", ["async def", "def"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_interrupted_call_says_where_it_was(suite: Suite, backend: str, word: str) -> None:
    """Where a call held the thread, its lines are told: pytest shows the innermost alone."""
    suite.ini(f"anyrig_backends = {backend}")
    text = f"""
def holds():
    signal.raise_signal(signal.SIGINT)

{word} test_holds():
    holds()
"""
    done, _ = told(suite, text)
    assert done.status == pytest.ExitCode.INTERRUPTED, done.text
    assert "It was here:\n\n   " in done.text
    lines = done.text[done.text.index("It was here") :]
    assert ">   holds()" in lines
    assert ">   signal.raise_signal(signal.SIGINT)" in lines


@pytest.mark.parametrize("backend", BACKENDS)
def test_skip_and_exit_in_a_task_group(suite: Suite, backend: str) -> None:
    """``pytest.skip()`` skips and ``pytest.exit()`` ends the run in the body of a task group."""
    suite.ini(f"anyrig_backends = {backend}")
    text = """
async def test_skips():
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep_forever)
        pytest.skip("not today")

@pytest.fixture
async def skips():
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep_forever)
        pytest.skip("not today")
        yield

async def test_setup(skips):
    pass

async def test_fails_and_skips():
    async def fails():
        raise KeyError("lost")

    async with anyio.create_task_group() as group:
        group.start_soon(fails)
        try:
            await anyio.sleep_forever()
        finally:
            pytest.skip("not today")

async def test_exits():
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep_forever)
        pytest.exit("enough")

async def test_never():
    pass
"""
    done, _ = told(suite, text, "-rs")
    assert done.status == pytest.ExitCode.INTERRUPTED, done.text
    assert "Exit: enough" in done.text
    assert done.text.count("not today") >= 2
    assert done.counts == {"skipped": 2, "failed": 1}
    assert "KeyError: 'lost'" in done.text
