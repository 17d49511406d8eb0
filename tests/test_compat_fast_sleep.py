"""`fast_sleep` in tests that did not move yet: ``asyncio.sleep`` takes one turn of the loop."""

from __future__ import annotations

import sys

import pytest

from inner import BACKENDS, Suite

SHIM = ("-p", "anyrig_compat", "--anyrig-compat-deprecations=off")

BEGIN = """
import asyncio
import pytest

LONG = 36_000.0

"""


def _write(suite: Suite, text: str, *lines: str) -> None:
    (suite.path / "pytest.ini").write_text("\n".join(["[pytest]", *lines, ""]))
    suite.write("test_it.py", BEGIN + text)


OLD = """
async def test_sleeps(fast_sleep):
    before = asyncio.get_running_loop().time()
    assert await asyncio.sleep(LONG, "result") == "result"
    assert asyncio.get_running_loop().time() - before < LONG / 2
    assert [call.seconds for call in fast_sleep.calls] == [LONG]
    assert fast_sleep.total == LONG

async def test_yields(fast_sleep):
    seen = []

    async def other():
        seen.append("other")

    task = asyncio.create_task(other())
    await asyncio.sleep(LONG)
    assert seen == ["other"]
    await task

async def test_is_what_stands_there(fast_sleep):
    await fast_sleep(LONG)
    assert fast_sleep.total == LONG

async def test_none_is_none(fast_sleep):
    await asyncio.sleep(0)
    assert fast_sleep.calls == []

async def test_without():
    assert asyncio.sleep.__module__ == "asyncio.tasks"
"""


@pytest.mark.parametrize(
    ("mark", "mode"),
    [
        ("asyncio", "strict"),
        ('asyncio(loop_scope="module")', "strict"),
        ("filterwarnings", "auto"),
    ],
    ids=["function", "module", "auto"],
)
def test_asyncio_sleep_takes_one_turn(suite: Suite, mark: str, mode: str) -> None:
    """In a test that the shim runs, sleeps yield once, time stays, and the value can be awaited."""
    text = f"pytestmark = pytest.mark.{mark}\n" if mode == "strict" else ""
    _write(suite, text + OLD, f"asyncio_mode = {mode}")
    ran = suite.spawn(*SHIM)
    assert ran.counts == {"passed": 5}, ran.text
    assert suite.found == []


def test_sync_test_with_a_loop_of_its_own_runs_once(suite: Suite) -> None:
    """A test that is not async has fast sleeps in the loop that it runs, and no backends."""
    _write(
        suite,
        """
def test_sync(fast_sleep):
    asyncio.run(asyncio.sleep(LONG))
    assert fast_sleep.total == LONG
""",
    )
    assert suite.ids(*SHIM) == [""]
    ran = suite.spawn(*SHIM)
    assert ran.counts == {"passed": 1}, ran.text


def test_annotation_for_a_type_checker_alone_is_not_asked_for(suite: Suite) -> None:
    """A sync test is collected whose annotation names what only a type checker imports."""
    # before 3.14 it has to be in quotes
    name = "Thing" if sys.version_info >= (3, 14) else "'Thing'"
    _write(
        suite,
        f"""
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elsewhere import Thing

@pytest.fixture
def quick(fast_sleep):
    return fast_sleep

def test_sync(quick, monkeypatch: {name}):
    assert monkeypatch
""",
    )
    ran = suite.spawn(*SHIM)
    assert ran.counts == {"passed": 1}, ran.text


def test_tests_of_anyio_have_anyrigs_own(suite: Suite) -> None:
    """A test that has moved has the loop's clock moved, with the shim as without it."""
    _write(
        suite,
        """
import anyio
import anyrig

@pytest.mark.anyio
async def test_moved(fast_sleep):
    before = anyio.current_time()
    await anyio.sleep(LONG)
    assert anyio.current_time() - before >= LONG
    assert type(fast_sleep) is anyrig.FastSleep

@pytest.mark.parametrize("anyio_backend", ["trio"])
def test_sync(fast_sleep, anyio_backend):
    assert type(fast_sleep) is anyrig.FastSleep
""",
    )
    with_shim, without = suite.spawn(*SHIM, "-v"), suite.spawn("-v")
    assert with_shim.counts == without.counts == {"passed": 3}, with_shim.text


def test_on_trio_it_is_anyrigs_own(suite: Suite) -> None:
    """Where a marked test is tried on trio as well, its sleeps there are trio's."""
    _write(
        suite,
        """
import anyio
import anyrig

@pytest.mark.asyncio
async def test_both(fast_sleep, anyio_backend_name):
    await (anyio if anyio_backend_name == "trio" else asyncio).sleep(LONG)
    assert (type(fast_sleep) is anyrig.FastSleep) is (anyio_backend_name == "trio")
    assert fast_sleep.total == LONG
""",
        "anyrig_compat_backends = both",
    )
    ran = suite.spawn(*SHIM)
    assert ran.counts == {"passed": 2}, ran.text


@pytest.mark.skipif("asyncio+uvloop" not in BACKENDS, reason="uvloop is not installed")
def test_on_uvloop_it_works_as_it_did(suite: Suite) -> None:
    """A suite whose loops are uvloop's keeps its fast sleeps: no clock has to be set."""
    suite.write(
        "conftest.py",
        """
        import pytest
        import uvloop

        def pytest_asyncio_loop_factories(config, item):
            return {"uvloop": uvloop.new_event_loop}
        """,
    )
    _write(
        suite,
        """
@pytest.mark.asyncio
async def test_uvloop(fast_sleep):
    assert type(asyncio.get_running_loop()).__module__ == "uvloop"
    await asyncio.sleep(LONG)
""",
    )
    ran = suite.spawn(*SHIM)
    assert ran.counts == {"passed": 1}, ran.text


def test_own_fixture_of_the_project_wins(suite: Suite) -> None:
    """A suite that has a `fast_sleep` of its own keeps it, and it is none of the shim's uses."""
    _write(
        suite,
        """
@pytest.fixture
def fast_sleep(monkeypatch):
    before = asyncio.sleep

    async def own(delay, *args, **kwargs):
        await before(0)

    monkeypatch.setattr(asyncio, "sleep", own)
    return own

@pytest.mark.asyncio
async def test_own(fast_sleep):
    await asyncio.sleep(LONG)
    assert asyncio.sleep is fast_sleep
""",
    )
    ran = suite.spawn("-p", "anyrig_compat")
    assert ran.counts == {"passed": 1}, ran.text
    assert "fast_sleep" not in ran.text


def test_missed_await_of_a_sleep_is_told_by_its_name(suite: Suite) -> None:
    """A sleep that nobody awaits is a missed await at the line of the test."""
    _write(
        suite,
        """
@pytest.mark.asyncio
async def test_forgets(fast_sleep):
    asyncio.sleep(LONG)
""",
    )
    suite.spawn(*SHIM)
    (finding,) = suite.findings
    assert finding.kind.value == "missed_await"
    assert finding.what == "the coroutine `sleep`"
    assert finding.origin is not None
    assert finding.origin.source == "asyncio.sleep(LONG)"


def test_each_use_is_counted(suite: Suite) -> None:
    """The end of the run says how many tests still have it, and what to write."""
    _write(suite, "@pytest.mark.asyncio\nasync def test_it(fast_sleep):\n    pass\n")
    ran = suite.spawn("-p", "anyrig_compat")
    assert "fast_sleep: 1 use, first at test_it.py:6\n    write @pytest.mark.anyio" in ran.text
