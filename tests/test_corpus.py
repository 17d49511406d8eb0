"""The corpus: each bad sample fails at the right test, phase and line, and no innocent one does."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache

import pytest

from corpus.comparing import (
    details_differ,
    findings_differ,
    outcomes_differ,
    own_failures_differ,
)
from corpus.notation import EVERY, SLOW, Expectations, World, read
from corpus.running import HERE, HOSTILITIES, SAMPLES, Run, run_samples

BACKENDS = ["asyncio", "asyncio+uvloop", "trio"]
if sys.version_info >= (3, 12):
    BACKENDS.append("asyncio+eager")
PLAIN = World("asyncio", "plain")
# What is hostile has to do with pytest and Python, and little with which loop it is.
_ON: dict[str, list[str]] = {
    "plain": BACKENDS,
    "-W error": ["asyncio"],
    "-W ignore": ["trio"],
    "no hooks": ["trio"],
}
WORLDS = [
    World(backend, hostility)
    for backend in BACKENDS
    for hostility in HOSTILITIES
    if EVERY or backend in _ON.get(hostility, ())
]
# the slow ones take no other way to a green run than these
INNOCENT = sorted(
    str(path.relative_to(SAMPLES))
    for path in SAMPLES.rglob("innocent_*")
    if path.suffix in (".py", ".txt") and (EVERY or not path.name.endswith(SLOW))
)

Runs = Callable[..., Run]

in_every_world = pytest.mark.parametrize(
    "world", WORLDS, ids=[f"{world.backend} {world.hostility}" for world in WORLDS]
)
on_every_backend = pytest.mark.parametrize(
    "world", [World(backend, "plain") for backend in BACKENDS], ids=BACKENDS
)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Runs the samples once for each world and set of arguments."""

    @cache
    def run(world: World, *arguments: str) -> Run:
        return run_samples(world, tmp_path_factory.mktemp("corpus"), *arguments)

    return run


@pytest.fixture
def expected(world: World) -> Expectations:
    """What the samples say of this world."""
    return read(SAMPLES, world)


@in_every_world
def test_findings_are_those_that_the_samples_mark(
    world: World, runs: Runs, expected: Expectations
) -> None:
    """Each marked line is found, for its test and phase and as often as marked, and no other."""
    assert findings_differ(runs(world), expected) == []


@in_every_world
def test_tests_fail_where_a_finding_is_known_and_nowhere_else(
    world: World, runs: Runs, expected: Expectations
) -> None:
    """Each finding fails the report of its phase; everything else ends as it would without us."""
    assert outcomes_differ(runs(world), expected) == []


@in_every_world
def test_own_failures_come_first(world: World, runs: Runs, expected: Expectations) -> None:
    """A test that fails by itself shows its own failure, and the finding is added to it."""
    assert list(own_failures_differ(runs(world), expected)) == []


@on_every_backend
def test_findings_name_the_filter_that_hides_them(
    world: World, runs: Runs, expected: Expectations
) -> None:
    """A finding whose warning is hidden says where the filter stands."""
    assert list(details_differ(runs(world), expected)) == []


@in_every_world
def test_run_fails_and_warns_of_nothing(world: World, runs: Runs) -> None:
    """Findings make the exit status 1, and are not printed a second time as warnings."""
    run = runs(world)
    assert run.status == pytest.ExitCode.TESTS_FAILED, run.output
    warned = [line for line in run.output.splitlines() if "RuntimeWarning: coroutine" in line]
    assert warned == []


@in_every_world
def test_junit_tells_each_finding_once(world: World, runs: Runs) -> None:
    """JUnit's file has a property for each finding, late ones too."""
    run = runs(world)
    # pytest writes a test that fails in two phases down twice, with all of its properties
    told = {
        (case.get("classname"), case.get("name"), told.get("name"), told.get("value"))
        for case in run.junit.iter("testcase")
        for told in case.iter("property")
        if told.get("name", "").startswith("anyrig.")
    }
    # JUnit's file is written while the session finishes, before what that very hook forgets:
    # only a worker of xdist, whose session ends before the controller's, is in time for it
    written = {
        str(finding)
        for finding in run.findings
        if world.hostility == "-n 2"
        or (finding["origin"] or {}).get("function") != "pytest_sessionfinish"
    }
    assert len(told) == len(written)


@on_every_backend
def test_innocent_samples_alone_are_green(world: World, runs: Runs) -> None:
    """A run of the innocent samples alone has exit status 0 and no finding."""
    run = runs(world, *INNOCENT)
    assert (run.status, run.findings) == (pytest.ExitCode.OK, []), run.output


@pytest.mark.parametrize("path", ["late/bad_import.py", "late/bad_loops.py"])
def test_what_turns_up_late_fails_the_run_and_no_test(path: str, runs: Runs) -> None:
    """A run whose tests are all innocent fails for what was made outside of them."""
    run = runs(PLAIN, path)
    assert run.status == pytest.ExitCode.TESTS_FAILED
    assert {report["when"] for report in run.reports if report["outcome"] == "failed"} == {"late"}


def test_filters_of_the_ini_file_hide_nothing(runs: Runs) -> None:
    """A filter that the ini file sets hides a finding no more than any other."""
    run = runs(PLAIN, "-o", "filterwarnings=ignore:.*never awaited", "bad_dropped.py")
    assert findings_differ(run, read(SAMPLES, PLAIN, only="bad_dropped.py")) == []


@pytest.mark.once
def test_corpus_notices_that_the_check_is_off(runs: Runs) -> None:
    """With the check off the bad samples go unreported, so it is the check that reports them."""
    run = runs(PLAIN, "-o", "anyrig_missed_awaits=off", "-o", "anyrig_never_ran=off", "bad_held.py")
    assert (run.status, run.findings) == (pytest.ExitCode.OK, [])


@pytest.mark.once
@pytest.mark.parametrize(
    ("part", "missed"),
    [
        ("settle", "bad_held.py::test_in_a_global"),
        ("deaths", "bad_dropped.py::test_statement"),
        ("bodies", "bad_never_ran.py::test_never_called"),
        ("backends", "bad_wrong_backend.py::TestAnother::test_names_another"),
        ("threads", "bad_threads_left.py::test_sync"),
        ("contexts", "bad_leaked_contextvars.py::test_sets"),
        ("unused", "bad_unused_stubs.py::test_return_value_of_what_is_sync"),
        ("left", "bad_leaked_tasks.py::test_create_task"),
        ("dropped", "bad_leaked_asyncgens.py::test_break"),
        ("losses", "bad_lost_exceptions.py::test_thread"),
        ("held losses", "bad_lost_exceptions.py::test_task_that_a_global_holds"),
    ],
)
def test_corpus_notices_a_broken_part(part: str, missed: str, runs: Runs) -> None:
    """With a part of anyrig broken on purpose the samples that need it go unreported."""
    path = missed.partition("::")[0]
    marked = read(SAMPLES, PLAIN, only=path)
    broken = runs(PLAIN, "-p", "corpus.broken", "--break", part, path)
    assert missed in {found.test for found in marked.found}  # and so it is found, elsewhere
    assert missed not in {finding["place"]["test"] for finding in broken.findings}


def test_samples_stay_out_of_the_ordinary_run() -> None:
    """No sample has a name that pytest collects by default."""
    files = [path.name for path in HERE.rglob("*.py")]
    assert not [name for name in files if name.startswith("test_") or name.endswith("_test.py")]
