"""The runner: what a fixture's background task raises is what the test fails with, and no more."""

from __future__ import annotations

import re

import pytest

from inner import BACKENDS, Suite
from support import Ran

SCOPES = ("function", "class", "module", "package", "session")

# by test, the phase of each report that failed, and the errors that it shows
Shown = dict[str, list[tuple[str, list[str]]]]

# what each report said: the test, its phase, and each error that it shows
CONFTEST = r"""
import json
import re
from pathlib import Path

import anyio
import pytest


class Boom(Exception):
    pass


async def crash(*names, after=None):
    if after is not None:
        await after.wait()
    else:
        await anyio.lowlevel.checkpoint()
    if len(names) == 1:
        raise Boom(names[0])
    raise ExceptionGroup("several", [Boom(name) for name in names])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        shown = re.findall(r"\b(Boom|KeyError): (.*)", report.longreprtext)
        errors = [f"{kind} {rest}" for kind, rest in shown]
        line = {"test": item.name, "when": report.when, "errors": errors}
        with Path("reports.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")
    return report
"""


@pytest.fixture
def suite(suite: Suite) -> Suite:
    """A suite whose conftest notes the errors that each report shows."""
    suite.ini(f"anyrig_backends = {' '.join(BACKENDS)}")
    suite.write("conftest.py", CONFTEST)
    return suite


def ran(suite: Suite, text: str) -> tuple[Ran, Shown]:
    """Run a module of tests; what was shown of each that failed, in its order."""
    suite.write("pkg/__init__.py", "")
    suite.write("pkg/test_it.py", "import pytest, anyio\nfrom conftest import Boom, crash\n" + text)
    done = suite.spawn("-p", "no:randomly")
    shown: Shown = {}
    if (suite.path / "reports.jsonl").exists():
        for line in suite.lines("reports.jsonl"):
            shown.setdefault(line["test"], []).append((line["when"], line["errors"]))
    return done, shown


def everywhere(test: str, *reports: tuple[str, list[str]]) -> Shown:
    """The same reports of a test on every backend."""
    return {f"{test}[{backend}]": list(reports) for backend in BACKENDS}


def own_backend(scope: str) -> str:
    """The backends' fixture that a fixture of this scope can ask for."""
    if scope not in ("package", "session"):
        return ""
    values = {
        "asyncio": "asyncio",
        "trio": "trio",
        "asyncio+eager": ("asyncio", "eager"),
        "asyncio+uvloop": ("asyncio", {"use_uvloop": True}),
    }
    params = repr([values[backend] for backend in BACKENDS])
    params = params.replace("'eager'", "{'loop_factory': eager_event_loop}")
    return f"""
from anyrig.backends import eager_event_loop

@pytest.fixture(scope="session", params={params}, ids={BACKENDS!r})
def anyio_backend(request):
    return request.param
"""


GROUP = """
@pytest.fixture(scope="{scope}")
async def group(anyio_backend):
    async with anyio.create_task_group() as group:
        yield group
"""

AFTER = """
async def test_after(group):
    event = anyio.Event()
    async def set_it():
        event.set()
    group.start_soon(set_it)
    await event.wait()
"""


@pytest.mark.parametrize("scope", SCOPES)
def test_crash_beside_a_test(suite: Suite, scope: str) -> None:
    """The test that was running fails with the error itself, and the next one is untouched."""
    test = """
class TestGroup:
    async def test_crash(self, group):
        group.start_soon(crash, "one")
        await anyio.sleep_forever()

    async def test_same_class(self, group):
        await anyio.lowlevel.checkpoint()
"""
    text = own_backend(scope) + GROUP.format(scope=scope) + test + AFTER
    done, shown = ran(suite, text)
    assert shown == everywhere("test_crash", ("call", ["Boom one"]))
    assert done.counts == {"passed": 2 * len(BACKENDS), "failed": len(BACKENDS)}


@pytest.mark.parametrize("scope", SCOPES)
def test_crash_during_setup(suite: Suite, scope: str) -> None:
    """A crash while another fixture is set up is told there; that one is set up anew as well."""
    test = f"""
first = True

@pytest.fixture(scope="{scope}")
async def later(group):
    global first
    if first:
        group.start_soon(crash, "one")
        first = False
        await anyio.sleep_forever()
    return group

async def test_crash(later):
    pass

async def test_again(later):
    await anyio.lowlevel.checkpoint()
"""
    text = own_backend(scope) + GROUP.format(scope=scope) + test + AFTER
    done, shown = ran(suite, text)
    assert shown == {"test_crash[asyncio]": [("setup", ["Boom one"])]}
    assert done.counts == {"passed": 3 * len(BACKENDS) - 1, "error": 1}


@pytest.mark.parametrize("scope", SCOPES)
def test_crash_during_teardown(suite: Suite, scope: str) -> None:
    """A crash while a fixture is torn down is told by the end of the group, in the same test."""
    test = """
@pytest.fixture
async def ends(group):
    yield
    group.start_soon(crash, "one")
    await anyio.sleep_forever()

async def test_crash(ends):
    pass
"""
    text = own_backend(scope) + GROUP.format(scope=scope) + test + AFTER
    done, shown = ran(suite, text)
    assert shown == everywhere("test_crash", ("teardown", ["Boom one"]))
    assert done.counts == {"passed": 2 * len(BACKENDS), "error": len(BACKENDS)}


@pytest.mark.parametrize("scope", ["function", "session"])
def test_shielded_test(suite: Suite, scope: str) -> None:
    """A test that can't be cut off fails when it has ended."""
    test = """
async def test_crash(group):
    group.start_soon(crash, "one")
    with anyio.CancelScope(shield=True):
        for _ in range(9):
            await anyio.lowlevel.checkpoint()
"""
    done, shown = ran(suite, own_backend(scope) + GROUP.format(scope=scope) + test + AFTER)
    assert shown == everywhere("test_crash", ("teardown", ["Boom one"]))
    assert done.counts == {"passed": 2 * len(BACKENDS), "error": len(BACKENDS)}


def test_nested_groups(suite: Suite) -> None:
    """A crash in an outer group cuts off what it encloses; what these raise then is told, too."""
    test = """
@pytest.fixture(scope="session")
async def outer(anyio_backend):
    async with anyio.create_task_group() as group:
        yield group

@pytest.fixture(scope="module")
async def group(outer):
    async with anyio.create_task_group() as group:
        yield group

@pytest.fixture
async def inner(group):
    async with anyio.create_task_group() as group:
        yield group

async def ends_badly():
    try:
        await anyio.sleep_forever()
    finally:
        raise Boom("two")

async def test_crash(outer, inner):
    inner.start_soon(ends_badly)
    await anyio.wait_all_tasks_blocked()
    outer.start_soon(crash, "one")
    await anyio.sleep_forever()
"""
    done, shown = ran(suite, own_backend("session") + test + AFTER)
    for name in everywhere("test_crash"):
        assert sorted(error for _, errors in shown[name] for error in errors) == [
            "Boom one",
            "Boom two",
        ]
        assert shown[name][0][0] == "call"
        assert shown[name][0][1][0] == "Boom one"
    assert done.counts["passed"] == len(BACKENDS)


def test_several_crashes_at_once(suite: Suite) -> None:
    """Each error is shown, and each once."""
    test = """
async def test_crash(group):
    event = anyio.Event()
    for name in ("one", "two"):
        group.start_soon(lambda name=name: crash(name, after=event))
    group.start_soon(lambda: crash("three", "four", after=event))
    await anyio.wait_all_tasks_blocked()
    event.set()
    await anyio.sleep_forever()
"""
    done, shown = ran(suite, GROUP.format(scope="module") + test + AFTER)
    for name in everywhere("test_crash"):
        assert sorted(error for _, errors in shown[name] for error in errors) == [
            "Boom four",
            "Boom one",
            "Boom three",
            "Boom two",
        ]
        assert shown[name][0][0] == "call"
    assert done.counts["passed"] == len(BACKENDS)


def test_own_failure_stays(suite: Suite) -> None:
    """Where the test fails by itself for the crash, that stays, with the crash as its cause."""
    test = """
async def test_crash(group):
    group.start_soon(crash, "one")
    try:
        await anyio.sleep_forever()
    finally:
        {}["key"]
"""
    done, shown = ran(suite, GROUP.format(scope="function") + test + AFTER)
    assert shown == everywhere("test_crash", ("call", ["Boom one", "KeyError 'key'"]))
    assert done.counts == {"passed": len(BACKENDS), "failed": len(BACKENDS)}


def test_skip_hides_no_crash(suite: Suite) -> None:
    """A test that is skipped when it is cut off has the crash told at its teardown."""
    test = """
async def test_crash(group):
    group.start_soon(crash, "one")
    try:
        await anyio.sleep_forever()
    finally:
        pytest.skip("no")
"""
    done, shown = ran(suite, GROUP.format(scope="module") + test + AFTER)
    assert shown == everywhere("test_crash", ("teardown", ["Boom one"]))
    assert done.counts == {
        "passed": len(BACKENDS),
        "skipped": len(BACKENDS),
        "error": len(BACKENDS),
    }


def test_callbacks_errors(suite: Suite) -> None:
    """What a callback of the loop raises fails the test that runs; one that skips stays skipped."""
    suite.ini("anyrig_backends = asyncio")
    test = """
import asyncio
from conftest import Boom

def callback(name):
    raise Boom(name)

@pytest.mark.parametrize("end", [None, KeyError("own"), pytest.skip.Exception("no")])
async def test_callback(end):
    asyncio.get_running_loop().call_soon(callback, "one")
    await asyncio.sleep(0)
    if end is not None:
        raise end

async def test_next():
    pass
"""
    done, shown = ran(suite, test)
    first = [errors[0] for (report,) in shown.values() for errors in report[1:]]
    assert first == ["Boom one", "KeyError 'own'"]
    sections = re.findall(r"Boom: one was lost in the callback `callback` \(pkg", done.text)
    assert len(sections) == 3
    assert done.counts == {"passed": 1, "failed": 2, "skipped": 1}
    lost = [(finding.place.test, finding.policy.value) for finding in suite.findings]
    assert [policy for _, policy in sorted(lost)] == ["fail", "fail", "warn"]


def test_fixture_that_takes_its_crash(suite: Suite) -> None:
    """A fixture that means its group to crash may say so; a test that ended is not failed."""
    test = """
@pytest.fixture
async def group():
    try:
        async with anyio.create_task_group() as group:
            yield group
    except* Exception as errors:
        assert len(errors.exceptions) == 1

async def test_crash(group):
    group.start_soon(crash, "one")
    with anyio.CancelScope(shield=True):
        for _ in range(9):
            await anyio.lowlevel.checkpoint()

async def test_cancel(group):
    group.start_soon(anyio.sleep_forever)
    group.start_soon(crash, "one")
    await anyio.lowlevel.cancel_shielded_checkpoint()
    group.cancel_scope.cancel()
"""
    done, shown = ran(suite, test)
    assert shown == {}
    assert done.counts == {"passed": 2 * len(BACKENDS)}


@pytest.mark.parametrize("scope", ["function", "module", "session"])
def test_scope_that_is_cancelled(suite: Suite, scope: str) -> None:
    """A test that a fixture's scope cuts off says which fixture's it was; the next is untouched."""
    test = """
async def test_cancelled(group):
    group.cancel_scope.cancel()
    await anyio.sleep_forever()
"""
    done, _ = ran(suite, own_backend(scope) + GROUP.format(scope=scope) + test + AFTER)
    words = "the cancel scope of the fixture `group` was cancelled: cancel() was called"
    assert done.text.count(f"\n{words}\n") == len(BACKENDS)
    assert done.text.count(": await anyio.sleep_forever()") == len(BACKENDS)
    assert done.counts == {"passed": len(BACKENDS), "failed": len(BACKENDS)}


def test_deadline_of_a_fixture(suite: Suite) -> None:
    """A deadline that has passed is told as that."""
    test = """
@pytest.fixture(scope="module")
async def limit(anyio_backend):
    with anyio.move_on_after(0):
        yield

async def test_late(limit):
    await anyio.sleep_forever()
"""
    done, _ = ran(suite, test)
    assert done.text.count("cancel scope of the fixture `limit` was cancelled: its deadline") >= 2
    assert done.counts == {"failed": len(BACKENDS)}


def test_groups_of_the_libraries(suite: Suite) -> None:
    """A fixture may hold the group of asyncio or of trio itself."""
    test = """
import asyncio, contextlib, trio

@pytest.fixture(scope="module")
async def group(anyio_backend):
    if anyio_backend == "trio":
        async with trio.open_nursery() as nursery:
            yield nursery.start_soon
    else:
        async with asyncio.TaskGroup() as tasks:
            yield lambda function, *args: tasks.create_task(function(*args))

async def test_crash(group):
    group(crash, "one")
    await anyio.sleep_forever()

async def test_next(group):
    done = anyio.Event()
    async def set_it():
        done.set()
    group(set_it)
    await done.wait()
"""
    done, shown = ran(suite, test)
    assert shown == everywhere("test_crash", ("call", ["Boom one"]))
    assert done.counts == {"passed": len(BACKENDS), "failed": len(BACKENDS)}


def test_task_that_cancels_itself(suite: Suite) -> None:
    """A test that cancels its own task fails with that, and leaves no request to the next."""
    suite.ini("anyrig_backends = asyncio")
    test = """
import asyncio

async def test_cancel(group):
    asyncio.current_task().cancel()
    await anyio.sleep_forever()

async def test_count(group):
    assert asyncio.current_task().cancelling() == 0
    await asyncio.sleep(0)
"""
    done, shown = ran(suite, GROUP.format(scope="module") + test)
    assert [when for when, _ in shown["test_cancel[asyncio]"]] == ["call"]
    assert done.counts == {"passed": 1, "failed": 1}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("raised", ["KeyboardInterrupt", "SystemExit", "pytest.exit.Exception"])
def test_what_ends_the_run(suite: Suite, backend: str, raised: str) -> None:
    """What is to end the run ends it, with the fixtures torn down."""
    suite.ini(f"anyrig_backends = {backend}")
    test = f"""
@pytest.fixture(scope="module")
async def group(anyio_backend):
    async with anyio.create_task_group() as group:
        yield group
        await anyio.lowlevel.checkpoint()
        open("torn_down", "w").close()

async def test_end(group):
    raise {raised}

async def test_never():
    pass
"""
    done, _ = ran(suite, test)
    assert (suite.path / "torn_down").exists()
    if raised == "SystemExit":  # which pytest takes for a failure
        assert done.counts == {"passed": 1, "failed": 1}
    else:
        assert done.status == 2


@pytest.mark.parametrize("backend", BACKENDS)
def test_signal_while_nothing_runs(suite: Suite, backend: str) -> None:
    """A signal's handler that raises while the loop waits stops the test, and the run goes on."""
    suite.ini(f"anyrig_backends = {backend}")
    test = """
import os, signal, threading

def fail(*args):
    pytest.fail("it took too long")

@pytest.fixture
def alarm():
    before = signal.signal(signal.SIGALRM, fail)
    yield
    signal.signal(signal.SIGALRM, before)

async def test_stopped(alarm, group):
    main = threading.main_thread().ident
    threading.Thread(target=signal.pthread_kill, args=(main, signal.SIGALRM)).start()
    await anyio.sleep_forever()
"""
    done, _ = ran(suite, GROUP.format(scope="module") + test + AFTER)
    assert "it took too long" in done.text
    assert done.counts == {"passed": 1, "failed": 1}
