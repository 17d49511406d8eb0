"""Recorders and filters of warnings that are in a context: Python 3.14's context-aware warnings."""

from __future__ import annotations

import pytest

from inner import Suite

INNOCENT = """
import warnings
import pytest

async def fetch(): ...

async def rows():
    yield 1

def test_warns():
    with pytest.warns(RuntimeWarning, match="never awaited"):
        fetch()

def test_records():
    with warnings.catch_warnings(record=True) as log:
        warnings.simplefilter("always")
        fetch()
    assert [str(one.message) for one in log] == ["coroutine 'fetch' was never awaited"]

def test_recwarn(recwarn):
    fetch()
    assert len(recwarn) == 1

async def test_recwarn_in_a_task(recwarn):
    fetch()
    assert len(recwarn) == 1

async def test_warns_in_a_task():
    with pytest.warns(RuntimeWarning, match="never awaited"):
        fetch()
"""
FAULTS = """
import asyncio
import threading
import warnings
import pytest

async def fetch(): ...

async def rows():
    yield 1

@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"

@pytest.fixture(scope="module")
async def server(anyio_backend):
    yield

def test_drops():
    fetch()

def test_hides():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fetch()
        rows().athrow(ValueError)

def test_makes_an_error():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fetch()

@pytest.mark.filterwarnings("ignore")
def test_method():
    rows().athrow(ValueError)

def test_in_a_thread():
    thread = threading.Thread(target=lambda: rows().athrow(ValueError))
    thread.start()
    thread.join()

async def test_first(server):
    fetch()

async def test_of_a_wide_runner(server):
    fetch()
    rows().athrow(ValueError)

async def test_in_a_task(server):
    async def work():
        fetch()
    await asyncio.create_task(work())
"""


@pytest.mark.parametrize("inherit", ["0", "1"])
def test_recorders_and_filters_of_a_context(
    suite: Suite, monkeypatch: pytest.MonkeyPatch, inherit: str
) -> None:
    """A test's own recorder has its warning, and no filter hides what nobody awaited."""
    # Python before 3.14 knows neither: the same comes out
    monkeypatch.setenv("PYTHON_CONTEXT_AWARE_WARNINGS", "1")
    monkeypatch.setenv("PYTHON_THREAD_INHERIT_CONTEXT", inherit)
    suite.write("test_a_innocent.py", INNOCENT)
    suite.write("test_b_faults.py", FAULTS)
    done = suite.spawn("-q")
    assert done.counts["passed"] == 7, done.text
    found = [
        ((finding.place.test or "").partition("::")[2], finding.summary.split("`")[1])
        for finding in suite.findings
        if finding.kind.value == "missed_await"
    ]
    assert found == [
        ("test_drops", "fetch()"),
        ("test_hides", "fetch()"),
        ("test_hides", "rows().athrow(ValueError)"),
        ("test_makes_an_error", "fetch()"),
        ("test_method", "rows().athrow(ValueError)"),
        ("test_in_a_thread", "rows().athrow(ValueError)"),
        ("test_first", "fetch()"),
        ("test_of_a_wide_runner", "fetch()"),
        ("test_of_a_wide_runner", "rows().athrow(ValueError)"),
        ("test_in_a_task", "fetch()"),
    ]
