"""A small suite in a folder, run in this process or in one of its own, and what anyrig said of it.

A run in this process is quick, and shows that a pytest run inside a pytest run keeps its own
state; what is about garbage and the interpreter's own hooks is run in a process of its own.
"""

from __future__ import annotations

import json
import sys
import textwrap
from typing import Any

# The inner runs forget the modules that they import: these have to be there before.
import anyio._backends._asyncio
import anyio._backends._trio  # noqa: F401
import pytest

import anyrig_compat.deprecations
import anyrig_compat.plugin
import anyrig_compat.running
import anyrig_compat.tasks  # noqa: F401
from anyrig import Finding, backends
from support import Ran, run, run_pytest

# those that can run here, the default two first
BACKENDS = sorted(
    (name for name, backend in backends.BACKENDS.items() if backend.missing() is None),
    key=lambda name: name not in backends.DEFAULT,
)
REPORT = "findings.jsonl"

MISSED_AWAIT = """
async def save(value):
    return value

def test_drops():
    save(1)
"""

NEVER_RAN = """
import functools

def swallows(function):
    @functools.wraps(function)
    def wrapper():
        function()
    return wrapper

@swallows
async def test_swallowed():
    pass
"""

WRONG_BACKEND = """
import pytest

@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"

@pytest.fixture(scope="module")
async def server(anyio_backend):
    yield

async def test_right(server):
    pass

@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_wrong():
    pass
"""

OWN_BACKEND = """
import pytest

@pytest.fixture{scope}
def anyio_backend():
    return "trio"
"""

LEAKED_TASK = """
import asyncio
import pytest

@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_leaves():
    task = asyncio.create_task(asyncio.sleep(3600))
"""

DEADLOCK = """
import anyio
import pytest

@pytest.mark.anyrig(timeout=2, backends=["asyncio"])
async def test_waits():
    await anyio.Event().wait()
"""

TIMEOUT = """
import anyio
import pytest

@pytest.mark.anyrig(timeout=0.05, backends=["asyncio"])
async def test_takes_long():
    await anyio.sleep(0.3)
"""

BLOCKED_LOOP = """
import time
import pytest

@pytest.mark.anyrig(blocked_loop_after=0.05, backends=["asyncio"])
async def test_holds():
    time.sleep(0.4)
"""

LEAKED_THREAD = """
import threading

stop = threading.Event()

def test_leaves():
    thread = threading.Thread(target=stop.wait)
    thread.start()

def test_next():
    stop.set()
"""

LEAKED_CONTEXTVAR = """
import contextvars
import pytest

user = contextvars.ContextVar("user")

@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"

@pytest.fixture(scope="module")
async def server(anyio_backend):
    yield

async def test_leaves(server):
    user.set("somebody")

async def test_next(server):
    pass
"""

LOST_EXCEPTION = """
import threading

def fails():
    raise ConnectionError("gone")

def test_loses():
    thread = threading.Thread(target=fails, name="worker")
    thread.start()
    thread.join()
"""

LEAKED_ASYNCGEN = """
import pytest

async def rows():
    try:
        yield 1
    finally:
        pass

@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_breaks():
    async for row in rows():
        break
"""

UNUSED_STUB = """
def test_tells(mocks):
    mocks.stub("hook", return_value=1)
"""

SAMPLES = {
    "missed_await": MISSED_AWAIT,
    "never_ran": NEVER_RAN,
    "wrong_backend": WRONG_BACKEND,
    "leaked_task": LEAKED_TASK,
    "deadlock": DEADLOCK,
    "timeout": TIMEOUT,
    "blocked_loop": BLOCKED_LOOP,
    "leaked_thread": LEAKED_THREAD,
    "leaked_contextvar": LEAKED_CONTEXTVAR,
    "unused_stub": UNUSED_STUB,
    "lost_exception": LOST_EXCEPTION,
    "leaked_asyncgen": LEAKED_ASYNCGEN,
}


class Suite:
    """A suite; anyio's auto mode is on, and the only plugins are anyio's and anyrig."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self._pytester = pytester
        self.path = pytester.path
        self.ini()

    def write(self, name: str, text: str) -> None:
        """Write a file; the text may be indented."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")

    def ini(self, *lines: str) -> None:
        """Write ``pytest.ini`` with these lines after the first two."""
        self.write("pytest.ini", "\n".join(["[pytest]", "anyio_mode = auto", *lines, ""]))

    def run(self, *arguments: str, report: bool = True, anyrig: bool = True) -> Ran:
        """Run it in this process."""
        plugins = ["-p", "anyio", *(("-p", "anyrig") if anyrig else ())]
        wanted = [f"--anyrig-report={REPORT}"] if report and anyrig else []
        result = self._pytester.runpytest_inprocess(
            *plugins, "-p", "no:cacheprovider", "-W", "default", *wanted, *arguments
        )
        return Ran(int(result.ret), result.stdout.str() + "\n" + result.stderr.str())

    def ids(self, *arguments: str) -> list[str]:
        """What stands in brackets in the ids of the tests that are collected."""
        text = self.run("--collect-only", "-q", *arguments).text
        tests = [line for line in text.splitlines() if "::test_" in line]
        return [test.partition("[")[2].rstrip("]") for test in tests]

    def spawn(
        self,
        *arguments: str,
        report: bool = True,
        plugins: tuple[str, ...] = ("anyio", "anyrig"),
    ) -> Ran:
        """Run it in a process of its own; its modules may be plugins, and these come first."""
        wanted = [f"--anyrig-report={REPORT}"] if report else []
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PYTHONPATH", str(self.path))
            return run_pytest(self.path, *wanted, *arguments, plugins=plugins)

    def script(self, name: str, *arguments: str) -> Ran:
        """Run a script of the suite's in a process of its own."""
        extra = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(self.path)}
        return run([sys.executable, name, *arguments], self.path, extra)

    def syspath(self) -> None:
        """Let the suite's modules be plugins of a run in this process."""
        self._pytester.syspathinsert()

    def workers(self, *arguments: str, report: bool = True) -> Ran:
        """Run it in a process of its own that hands the tests to two workers."""
        return self.spawn(
            "-n", "2", *arguments, report=report, plugins=("anyio", "anyrig", "xdist")
        )

    def lines(self, name: str = REPORT) -> list[dict[str, Any]]:
        """The lines of the last run's report."""
        text = (self.path / name).read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    @property
    def findings(self) -> list[Finding]:
        """The findings that the last run wrote to its report."""
        return [
            Finding.from_json(line) for line in self.lines()[1:] if line["kind"] != "internal_error"
        ]

    @property
    def found(self) -> list[tuple[str, str | None, str]]:
        """The kind, the test and the policy of each finding of the last run, in their order."""
        return [
            (
                finding.kind.value,
                None if finding.place.test is None else finding.place.test.partition("::")[2],
                "permitted" if finding.permitted is not None else finding.policy.value,
            )
            for finding in self.findings
        ]
