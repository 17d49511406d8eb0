"""Runs in which a private name of a neighbour is another: one line and no run, or a part is off."""

from __future__ import annotations

import json
import re
from pathlib import Path

import renamed
from inner import Suite

TESTS = """
import asyncio
import threading
from unittest.mock import AsyncMock

import anyio
import pytest

def test_sync():
    pass

async def test_sleeps():
    with anyio.move_on_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep, 0)

async def test_thread():
    assert await anyio.to_thread.run_sync(lambda: 1) == 1

async def test_mock():
    assert await AsyncMock(return_value=1)() == 1

async def test_background(task_group):
    task_group.start_soon(anyio.sleep_forever)

def test_run():
    async def left():
        asyncio.create_task(asyncio.sleep(0))
    asyncio.run(left())

@pytest.mark.anyrig(missed_awaits="warn")
async def test_missed():
    AsyncMock(name="db").save(1)
"""

# those of a run that goes on: a name of each seam that has such, and the part that is off
OFF = {
    "dis:opmap.RAISE_VARARGS": "a KeyboardInterrupt that is raised by hand in a finaliser",
    "dis:opmap.POP_TOP": "the lines of an asend, athrow or aclose",
    "dis:opmap.GET_AITER": "what to write in place of an await of a sync double",
    "warnings:_filters_mutated": "a changed filter counts at once",
    "threading:_limbo": "deadlocks beside threads",
    "threading:Event._cond": "until(event) and until(future)",
    "asyncio.runners:_cancel_all_tasks": "tasks left in a test's own loop",
    "asyncio.tasks:_GatheringFuture": "lost exceptions of gather()",
    "asyncio.base_events:BaseEventLoop._timer_cancelled_count": "clock and fast_sleep on asyncio",
    "anyio._backends._asyncio:TaskGroup._exceptions": "the errors of an open task group",
    "trio._core._run:Nursery._pending_excs": "the errors of an open nursery",
    "trio._core._run:_r": "clock and fast_sleep on trio",
    "unittest.mock:_patch_dict": "the names of mocks in findings",
    "unittest.mock:NonCallableMock._call_matcher": "anyrig.mocks",
}

# those of a run that does not
VITAL = [
    "warnings:_warn_unawaited_coroutine",
    "warnings:_showwarnmsg_impl",
    "threading:Thread._target",
    "asyncio.taskgroups:TaskGroup._errors",
    "asyncio.base_events:BaseEventLoop._run_once",
    "anyio.pytest_plugin:get_async_backend",
    "anyio._backends._asyncio:CancelScope._host_task",
    "anyio._backends._asyncio:_task_states",
    "trio._core._run:Task._abort_func",
    "trio._core._run:CancelStatus",
]

SCRIPT = """
import json
import sys

import pytest
import renamed

renamed.load()
if sys.argv[1] == "all":
    for number, dotted in enumerate(json.loads(sys.argv[2])):
        renamed.rename(dotted, f"another{number}")
    sys.exit(pytest.main(["-p", "no:cacheprovider", "-p", "anyio", "-p", "anyrig", "-v"]))
for dotted in json.loads(sys.argv[2]):
    moved = renamed.rename(dotted, "anothers")
    status = pytest.main(["-p", "no:cacheprovider", "-p", "anyio", "-p", "anyrig"])
    print("status", int(status), flush=True)
    renamed.rename(moved, dotted.removeprefix(moved.removesuffix("anothers")))
    for module in [one for one in sys.modules if one.partition(".")[0] == "anyrig"]:
        del sys.modules[module]
"""


def _written(suite: Suite) -> None:
    suite.ini("anyrig_backends = asyncio trio")
    suite.write("test_it.py", TESTS)
    suite.write("script.py", SCRIPT)
    suite.write("renamed.py", Path(renamed.__file__).read_text(encoding="utf-8"))


def test_run_goes_on_without_what_it_can(suite: Suite) -> None:
    """All of these are gone at once: each part is off with a line of the header, and all is well.

    The name of a mock, which was to be in a warning, is the class's at worst.
    """
    _written(suite)
    ran = suite.script("script.py", "all", json.dumps(list(OFF)))
    assert ran.status == 0, ran.text
    header = ran.text.partition("collecting")[0]
    told = re.findall(r"^anyrig: off: ([^:\n]*): (\S+) \S+ has no (.*)$", header, re.MULTILINE)
    assert {part for part, *_ in told} == set(OFF.values())
    assert "AttributeError" not in ran.text
    assert "INTERNAL" not in ran.text
    assert "Please report" not in ran.text
    assert "was never awaited" in ran.text


def test_run_ends_with_one_line_where_it_has_to(suite: Suite) -> None:
    """Each of these is gone in turn: no test runs, and a line says which, and what to do."""
    _written(suite)
    ran = suite.script("script.py", "each", json.dumps(VITAL))
    runs = ran.text.split("status ")
    assert len(runs) == len(VITAL) + 1, ran.text
    for dotted, text, after in zip(VITAL, runs, runs[1:], strict=False):
        assert after.startswith("4"), (dotted, text)
        lines = [line for line in text.splitlines() if line.startswith("ERROR")]
        assert len(lines) == 1, (dotted, text)
        name = dotted.rpartition(".")[2].rpartition(":")[2]
        assert re.search(rf"can't watch with .* \S+: .*\.{name} is gone \(", lines[0]), lines
        assert "AttributeError" not in text
        assert "INTERNAL" not in text


def test_what_is_off_is_told_where_it_is_loaded_late(suite: Suite) -> None:
    """A package that a test imports is asked then; what it lacks is told once, at the end."""
    suite.write(
        "test_it.py",
        """
        import sys
        import types

        def test_imports():
            module = sys.modules["uvloop.loop"] = types.ModuleType("uvloop.loop")
            module.Loop = type("Loop", (), {"_get_backend_id": None})

        def test_next():
            pass
        """,
    )
    ran = suite.spawn(plugins=("no:randomly", "anyio", "anyrig"))
    assert ran.counts == {"passed": 2}
    assert ran.text.count("anyrig: off: deadlocks on asyncio+uvloop: uvloop ") == 1
    assert "has no uvloop.loop.libuv_get_loop_t_ptr" in ran.text.partition("collected")[2]
