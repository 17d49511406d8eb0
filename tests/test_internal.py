"""What fails inside anyrig: told beside the test's own result, and the run goes on."""

from __future__ import annotations

import asyncio
import itertools
import threading
from dataclasses import replace

import pytest
import trio

from anyrig.findings import FindingError, Phase, Place
from anyrig.internal import WHERE, Failure, Internal, summary, text
from inner import Suite

HERE = Place("test_it.py::test_it", Phase.CALL)


def fails(error: BaseException) -> None:
    """Raise it."""
    raise error


def noted(error: BaseException, times: int = 1) -> list[Failure]:
    """What is noted of an error that a guarded call raises so often."""
    internal = Internal(lambda: HERE)
    for _ in range(times):
        internal.call("drawing", fails, error.with_traceback(None))
    return internal.drain()


def test_an_error_is_noted_with_its_place_and_traceback() -> None:
    """What a guarded call raises is swallowed, and told with what anyrig was doing."""
    (failure,) = noted(ValueError("odd"))
    assert (failure.doing, failure.place, failure.error) == ("drawing", HERE, "ValueError: odd")
    assert failure.trace[-1] == "ValueError: odd"
    assert any("in fails" in line for line in failure.trace)


def test_the_same_error_is_counted() -> None:
    """A fault that happens again and again is told once, with how often it was."""
    (failure,) = noted(ValueError("odd"), times=12)
    assert failure.count == 12
    assert "ValueError: odd, 12 times" in failure.summary


def test_the_same_error_of_two_tests_is_one_at_the_end() -> None:
    """The end of the run tells a fault once, with one of its tests."""
    internal = Internal(lambda: HERE)
    other = Internal(lambda: Place("test_it.py::test_other", Phase.CALL))
    for one in (internal, other):
        one.call("drawing", fails, ValueError("odd"))
    lines = summary([*internal.drain(), *other.drain()])
    (title,) = [line for line in lines if line.startswith("internal error")]
    assert title.endswith("ValueError: odd, 2 times (test_it.py::test_it)")


def test_the_first_test_by_name_stands_for_all() -> None:
    """The end of the run is the same, whichever worker has told its failures first."""
    failures = []
    for name in ("test_b", "test_a", "test_c"):
        (failure,) = noted(ValueError(f"odd {name}"))
        place = Place(f"test_it.py::{name}", Phase.CALL)
        failures.append(
            replace(failure, place=place, trace=("a line",) if name == "test_b" else ())
        )
    told = [summary(order) for order in itertools.permutations(failures)]
    assert told == [told[0]] * 6
    first, second, *_ = told[0]
    assert first.endswith("drawing: ValueError: odd test_a, 3 times (test_it.py::test_a)")
    assert second == "  a line"


def test_errors_are_bounded() -> None:
    """However many differ, what is kept and told has an end."""
    internal = Internal(lambda: HERE)
    for number in range(1000):
        internal.call(f"drawing {number}", fails, ValueError("x" * 10_000))
    kept = internal.drain()
    assert sum(failure.count for failure in kept) == 1000
    assert len(kept) == 50
    assert len(text(kept)) < 200_000


def deep(depth: int) -> None:
    """Raise from as deep a call."""
    if depth == 0:
        raise RecursionError
    deep(depth - 1)


def test_a_long_traceback_is_cut() -> None:
    """A recursion does not fill the report."""
    internal = Internal(lambda: HERE)
    internal.call("drawing", deep, 500)
    (failure,) = internal.drain()
    assert len(failure.trace) <= 61


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def test_an_error_without_words_is_noted() -> None:
    """An error whose own words fail is told by its class."""
    (failure,) = noted(Mute())
    assert failure.error.startswith("test_internal.Mute")


MEANT = [
    KeyboardInterrupt(),
    SystemExit(1),
    GeneratorExit(),
    FindingError("a finding"),
    asyncio.CancelledError(),
]


@pytest.mark.parametrize("error", MEANT, ids=[type(error).__name__ for error in MEANT])
def test_what_is_meant_to_leave_leaves(error: BaseException) -> None:
    """Ctrl-C, the end of the run, a finding and a cancellation pass a guard."""
    internal = Internal()
    with pytest.raises(type(error)):
        internal.call("drawing", fails, error)
    assert internal.new == []


def test_trios_cancellation_leaves() -> None:
    """A task that trio cancels in a guarded call is cancelled."""
    internal = Internal()

    async def main() -> None:
        with trio.CancelScope() as scope:
            scope.cancel()
            with internal.guard("waiting"):
                await trio.lowlevel.checkpoint()

    trio.run(main)
    assert internal.new == []


@pytest.mark.parametrize(
    "error", [MemoryError(), RecursionError(), BaseException("odd")], ids=lambda one: str(type(one))
)
def test_what_is_no_end_of_anything_is_kept(error: BaseException) -> None:
    """Every other error is a fault, whatever its class."""
    assert len(noted(error)) == 1


def test_errors_of_several_threads_are_all_counted() -> None:
    """The watchdog's thread and the tests' note at the same time."""
    internal = Internal(lambda: HERE)

    def many() -> None:
        for _ in range(200):
            internal.call("looking", fails, ValueError("odd"))

    threads = [threading.Thread(target=many) for _ in range(4)]
    for thread in threads:
        thread.start()
    counted = sum(failure.count for _ in range(50) for failure in internal.drain())
    for thread in threads:
        thread.join()
    assert counted + sum(failure.count for failure in internal.drain()) == 800


def test_json_is_read_back() -> None:
    """A worker process sends what the other one reads, and a reader of findings can read it."""
    (failure,) = noted(ValueError("odd"))
    line = failure.to_json()
    assert Failure.from_json(line) == failure
    assert (line["kind"], line["policy"], line["permitted"]) == ("internal_error", "warn", None)


# -- in a run --------------------------------------------------------------------------------------

BROKEN = """
import pytest
from anyrig.tasks import tree

def broken(*args):
    raise RuntimeError("this is broken")

tree.draw_beside = broken
"""

SAMPLE = """
import anyio
import pytest

@pytest.mark.parametrize("number", [1, 2])
async def test_fails(number, task_group):
    task_group.start_soon(anyio.sleep_forever)
    await anyio.lowlevel.checkpoint()
    assert number == 3

async def test_passes():
    pass
"""


@pytest.mark.parametrize("workers", [False, True], ids=["alone", "workers"])
def test_a_broken_part_is_told_beside_the_result(suite: Suite, workers: bool) -> None:
    """The tests end with their own results; the error is told below one, and once at the end."""
    suite.ini("anyrig_backends = asyncio trio")
    suite.write("conftest.py", BROKEN)
    suite.write("test_it.py", SAMPLE)
    ran = suite.workers("-p", "no:randomly") if workers else suite.spawn()
    assert ran.status == 1
    assert ran.counts == {"passed": 2, "failed": 4}
    assert "assert 1 == 3" in ran.text
    assert "RuntimeError: this is broken" in ran.text
    section = ran.text.partition(" anyrig ===")[2]
    assert section.count("internal error: anyrig itself failed while drawing") == 1
    assert "RuntimeError: this is broken, 4 times (test_it.py::test_fails[asyncio-" in section
    assert WHERE in section
    lines = suite.lines()[1:]
    assert [(line["kind"], line["place"]["phase"]) for line in lines] == [
        ("internal_error", "call")
    ] * 4
    assert {line["place"]["test"] for line in lines} == {
        f"test_it.py::test_fails[{backend}-{number}]"
        for backend in ("asyncio", "trio")
        for number in (1, 2)
    }
