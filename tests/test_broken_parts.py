"""Each part of anyrig is broken on purpose: the tests' results stand, and the error is told."""

from __future__ import annotations

from collections import Counter

from inner import Suite

# what is broken, for one test at a time; each raises at its first use
PARTS = (
    *("tasks.tree:draw_beside", "tasks.tree:nodes", "tasks.waiting:frames"),
    *("origins:Origins.locate", "origins:Origins.is_users", "source:line", "source:find_call"),
    *("checks.missed_await:MissedAwaits.settle", "checks.missed_await:MissedAwaits.judge"),
    *("checks.missed_await:MissedAwaits.finding", "checks.missed_await:MissedAwaits.enter"),
    *("checks.missed_await:MissedAwaits.collect", "checks.missed_await:MissedAwaits.drain"),
    *("checks.leaked_task:finding", "checks.lost_exception:LostExceptions.drain"),
    *("seams.cpython.generators:GeneratorHooks.entered", "checks.never_ran:bodies_of"),
    *("checks.wrong_backend:framed", "phases:explain_mocks"),
    *("rulings:Rulings.of_one", "rulings:Rulings.of_test", "rulings:Watch.unused"),
    *("report.words:text", "report.words:error", "report.words:summary"),
    *("report.carrier:Carrier._hand_on", "report.carrier:Carrier._word"),
    *("report.carrier:_property", "report.carrier:_representation"),
    *("runners.base:Runner.begin_call", "runners.base:Runner.end_call"),
    *("runners.base:Runner._new_tasks", "runners.base:Runner._owner_of"),
    *("runner_host:RunnerHost.owner", "runner_host:RunnerHost.current_fixture"),
    *("runner_host:RunnerHost.look_for_left", "runner_host:RunnerHost.left_changed"),
    *("live_fixtures:LiveFixtures.begin", "live_fixtures:LiveFixtures.end"),
    *("live_fixtures:LiveFixtures.have_users", "seams.anyio:cancelled_scopes"),
    *("tasks.tree:is_shielded", "seams.trio:open_scopes", "seams.anyio:owners_of"),
)
ERRORS = ("RuntimeError", "MemoryError", "RecursionError", "Odd")

CONFTEST = """
import importlib
import json

import pytest

class Odd(BaseException):
    pass

ERRORS = {"RuntimeError": RuntimeError, "MemoryError": MemoryError, "Odd": Odd,
          "RecursionError": RecursionError}

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item):
    part = item.callspec.params["part"]
    module, _, path = part.partition(":")
    holder = importlib.import_module(f"anyrig.{module}")
    *way, name = path.split(".")
    for step in way:
        holder = getattr(holder, step)
    before = vars(holder)[name]
    def broken(*args, **kwargs):
        raise ERRORS[item.callspec.params["error"]]("this is broken")
    setattr(holder, name, broken)
    try:
        return (yield)
    finally:
        setattr(holder, name, before)

def pytest_runtest_logreport(report):
    told = sum(line["count"] for line in getattr(report, "anyrig_internal", ()))
    line = {"test": report.nodeid.partition("::")[2], "when": report.when}
    line |= {"outcome": report.outcome, "told": told}
    line |= {"is_own": "the test's own" in report.longreprtext}
    with open("reports.jsonl", "a") as file:
        file.write(json.dumps(line) + "\\n")

def pytest_generate_tests(metafunc):
    pairs = [(part, ERRORS_OF[number % len(ERRORS_OF)]) for number, part in enumerate(PARTS)]
    metafunc.parametrize("part, error", pairs)
"""

TESTS = """
import asyncio

import anyio
import pytest

async def save():
    pass

@pytest.fixture
async def value():
    yield 1

async def test_passes(part, error, value):
    await anyio.sleep(0)

async def test_fails(part, error, value, task_group):
    task_group.start_soon(anyio.sleep_forever)
    await anyio.sleep(0)
    assert not "the test's own"

async def test_misses(part, error, value):
    save()

async def test_crashes(part, error, task_group):
    async def crash():
        raise KeyError("the test's own")
    task_group.start_soon(crash)
    await anyio.sleep(10)

@pytest.mark.anyrig(backends=["asyncio"])
async def test_loses(part, error):
    async def loses():
        raise KeyError("lost")
    task = asyncio.create_task(loses())
    await asyncio.wait([task])

@pytest.mark.anyrig(allow=["missed_await"])
async def test_is_allowed_to_miss(part, error):
    save()

@pytest.mark.anyrig(backends=["asyncio"])
async def test_leaks(part, error, value):
    asyncio.create_task(asyncio.sleep(1000))

def test_skips(part, error):
    pytest.skip("the test's own")

@pytest.mark.xfail(strict=True)
async def test_is_expected_to_fail(part, error, value):
    assert not "the test's own"
"""


def test_results_stand_where_a_part_is_broken(suite: Suite) -> None:
    """Whatever part fails, a test ends as it would have, but for the finding that is missing."""
    head = f"PARTS = {PARTS!r}\nERRORS_OF = {ERRORS!r}\n"
    suite.ini("anyrig_backends = asyncio trio", "anyrig_cancel_timeout = 2")
    suite.write("conftest.py", head + CONFTEST)
    suite.write("test_it.py", TESTS)
    ran = suite.spawn("-p", "no:randomly", "-p", "no:warnings", "-q", "--tb=short")
    assert ran.status == 1, ran.text[-3000:]
    wrong: list[object] = []
    told: Counter[str] = Counter()
    own = {"test_fails": "failed", "test_crashes": "failed"}
    own |= {"test_is_expected_to_fail": "skipped", "test_skips": "skipped"}
    for line in suite.lines("reports.jsonl"):
        test, when, outcome, number, is_own = line.values()
        name, _, parameters = test.partition("[")
        if not parameters:
            continue  # a finding of the run: whose it is was not known
        part = next(part for part in PARTS if part in parameters)
        told[part] += number
        if name in ("test_misses", "test_leaks", "test_loses", "test_is_allowed_to_miss"):
            continue  # where what finds it is broken, it is not found
        if name == "test_crashes" and ("seams" in part or when == "teardown"):
            continue  # where nobody knows whose scope it was, the fixture's end tells it
        if part == "live_fixtures:LiveFixtures.begin" and when == "teardown":
            continue  # nobody knows whose task it is
        is_call = when == "call" and name in own
        if (outcome, is_own) != (own[name] if is_call else "passed", is_call):
            wrong.append(line)
    assert not wrong, "\n".join(map(str, wrong))
    assert ", ".join(part for part in PARTS if not told[part]) == ""
    section = ran.text.partition("= anyrig =")[2]
    assert section.count("Please report it") == 1


ENDED = """
import anyio
import pytest

from anyrig import whereabouts
from anyrig.checks import deadlock, timeout

def broken(*args, **kwargs):
    raise RuntimeError("this is broken")

deadlock.picture = timeout.picture = broken
whereabouts.Whereabouts.look = broken

async def test_waits():
    await anyio.Event().wait()

@pytest.mark.anyrig(timeout=1)
async def test_takes_long():
    await anyio.sleep(30)

async def test_next():
    await anyio.sleep(0)
"""


def test_a_test_that_hangs_is_ended_without_its_picture(suite: Suite) -> None:
    """A deadlock and a timeout end the test, also where nothing more can be said of it.

    What the watchdog's thread can't look at does not end its looks.
    """
    suite.ini("anyrig_backends = asyncio trio", "anyrig_timeout = 20")
    suite.write("test_it.py", ENDED)
    ran = suite.spawn("-p", "no:randomly")
    assert ran.counts == {"failed": 4, "passed": 2}, (ran.status, ran.text)
    kinds = Counter(kind for kind, *_ in suite.found)
    assert kinds == {"deadlock": 2, "timeout": 2}
    assert ran.text.partition("= anyrig =")[2].count("this is broken") >= 3
