"""The code that a report shows under ``mend:``, typed: the finding is gone, and nothing is new."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from corpus.notation import EVERY, SLOW, World
from corpus.running import SAMPLES, Run, run_samples
from corpus.typed import Line, has_code, told, type_mends
from inner import Suite
from mend_programs import check

# those that have an await to type
WANTED = sorted(
    path.relative_to(SAMPLES).as_posix()
    for path in SAMPLES.rglob("bad_*.py")
    if not path.name.endswith(SLOW) and "FOUND missed_await" in path.read_text(encoding="utf-8")
)
# the samples that say themselves that nobody awaits, and fail when somebody does
SAY_SO = {
    "bad_allowances.py::test_marker_of_another_kind",  # its mark permits what is not there
    "bad_asyncgen.py::test_athrow_dropped",  # it throws that into the generator
    "bad_clock.py::test_sleep_is_not_awaited",
    "bad_clock.py::test_advance_is_not_awaited",
    "bad_doubles.py::test_kept",
    "bad_heard.py::test_did_not_warn",
}


class Typed(NamedTuple):
    """Two runs, one before and one after, and the findings whose mends were typed between them."""

    before: Run
    after: Run
    findings: list[Line]


Types = Callable[[str], Typed]


@pytest.fixture(scope="module")
def types(tmp_path_factory: pytest.TempPathFactory) -> Types:
    """Runs the samples on a backend, types the mends into a copy, and runs that; once for each."""

    @cache
    def types(backend: str) -> Typed:
        world = World(backend, "plain")
        copy = tmp_path_factory.mktemp("copy") / "samples"
        # what was compiled says of each line that it stands in the original
        shutil.copytree(SAMPLES, copy, ignore=shutil.ignore_patterns("__pycache__"))
        before = run_samples(world, tmp_path_factory.mktemp("before"), *WANTED)
        findings = type_mends(copy, (one for one in before.findings if one["permitted"] is None))
        after = run_samples(world, tmp_path_factory.mktemp("after"), *WANTED, samples=copy)
        return Typed(before, after, findings)

    return types


# a slice of the programs: what is called by its name and what is not, and shapes of each way out
RECEIVERS = ["function", "object", "returned", "double"]
SHAPES = ["printed", "all", "fstring", "chained", "lines", "twice", "tabs", "lambda", "map"]
SHAPES += ["filter", "later use", "started", "run", "thread", "taken", "class", "tstring"]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_generated_programs(tmp_path: Path, backend: str) -> None:
    """Whatever the call stands in, its mend works when it is typed, or is in words."""
    result = check(tmp_path, backend, RECEIVERS, SHAPES)
    assert result.wrong == []
    # in a trio run, asyncio.run does what it is asked, and trio refuses an async function itself,
    # and with anyio 4.13 what a task is to be started with
    silent = ("_run_async", "_thread_async", "_started_async") if backend == "trio" else ()
    assert [one for one in result.silent if not one.endswith(silent)] == []
    assert result.typed > result.programs / 2


# on trio in the run that has every world
both = pytest.mark.parametrize("backend", ["asyncio", "trio"] if EVERY else ["asyncio"])


@both
def test_code_has_its_edits(types: Types, backend: str) -> None:
    """What is shown as code can be typed by a machine, and what can be typed is shown."""
    findings = types(backend).before.findings
    assert [one["mend"] for one in findings if has_code(one) is not bool(one["edits"])] == []


@both
def test_typed_mend_ends_its_finding(types: Types, backend: str) -> None:
    """Of what a mend was typed for, nothing is found any more; nor is anything that was not."""
    typed = types(backend)
    assert len(typed.findings) > 100
    before, after = told(typed.before.findings), told(typed.after.findings)
    assert list(after - (before - told(typed.findings))) == []


@both
def test_typed_mend_breaks_no_test(types: Types, backend: str) -> None:
    """A test whose findings are gone passes, but for what it fails with by itself."""
    typed = types(backend)
    mended = {one["place"]["test"] for one in typed.findings}
    mended -= {one["place"]["test"] for one in typed.after.findings}
    failed = {one["node"]: one for one in typed.before.reports if one["outcome"] == "failed"}
    broken = [
        (one["node"], one["message"])
        for one in typed.after.reports
        if one["outcome"] == "failed"
        and one["node"] in mended - SAY_SO
        # its own failure, to which the finding was added before
        and one["message"] != failed[one["node"]]["message"]
        and "anyrig" not in failed[one["node"]]["sections"]
    ]
    assert broken == []


IN_WORDS = """
import asyncio
import contextlib
import threading

import anyio
import pytest

async def save(item=1):
    return item

async def logged(coroutine):
    return await coroutine

class Client:
    async def close(self): ...

    def __del__(self):
        with contextlib.suppress(RuntimeError):
            self.loop.run_until_complete(self.close())

async def test_wait_for():
    task = asyncio.create_task(asyncio.wait_for(save(), timeout=5))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

async def test_wrapper():
    task = asyncio.create_task(logged(save()))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

async def test_raised_first():
    def start(coroutine):
        raise OSError
    with pytest.raises(OSError):
        start(save())

async def test_one_of_two():
    jobs = [save(), save()]
    await jobs[0]

async def test_some_of_a_list():
    jobs = [save() for _ in range(3)]
    await jobs[0]

@pytest.fixture
def closes(request):
    request.addfinalizer(save)

def test_finalizer(closes):
    pass

class TestClass:
    async def setup_method(self, method):
        pass

    async def test_one(self):
        pass

async def test_dropped():
    client = Client()
    client.loop = asyncio.get_running_loop()
    del client

async def test_thread():
    def work():
        save()
    await anyio.to_thread.run_sync(work)

async def test_no_task():
    def create():
        with contextlib.suppress(RuntimeError):
            asyncio.create_task(save())
    thread = threading.Thread(target=create)
    thread.start()
    thread.join()

def helper():
    save()

async def test_helper():
    helper()

async def test_lambda():
    sorted([1], key=lambda item: str(save(item)))

def test_with_a_loop_of_its_own():
    save()
    asyncio.run(save())
"""
# test -> how its mend begins
WORDS = {
    "test_wait_for": "`asyncio.wait_for` was cancelled before its first step: give it a turn",
    "test_wrapper": "`logged` never awaited what it was given: it does not do that, or was c",
    "test_raised_first": "`start` never awaited what it was given: let it do that; or",
    "test_one_of_two": "await each of them: of the 2 calls of `save` on its line, 1",
    "test_some_of_a_list": "`test_some_of_a_list` awaits some of what it has there",
    "test_finalizer": "a finalizer is called and not awaited; in an async fixture, what stands",
    "TestClass::test_one": "pytest calls `setup_method` and does not await it: an async fixture",
    "test_dropped": "`__del__` can't await: await `self.close()` in an `async def`",
    "test_thread": "`work` runs in a thread and can't await",
    "test_no_task": "`asyncio.create_task` made no task of it",
    "test_helper": "`helper` is no `async def` and can't await: make it one",
    "test_lambda": "a lambda can't await: an `async def` in its place",
    "test_with_a_loop_of_its_own": "`test_with_a_loop_of_its_own` is no `async def`",
}


def test_nothing_certain_is_told_in_words(suite: Suite) -> None:
    """Where no code is sure to work, there is none, and the report says what is known."""
    suite.ini("anyrig_backends = asyncio")
    suite.write("test_it.py", IN_WORDS)
    suite.spawn()
    told = {
        (one.place.test or "").partition("::")[2].partition("[")[0]: one for one in suite.findings
    }
    assert [test for test, one in told.items() if one.edits] == []
    begins = {test: told[test].mend[0][: len(words)] for test, words in WORDS.items()}
    assert begins == WORDS
    assert told["test_finalizer"].summary == "`save()` was never awaited"
