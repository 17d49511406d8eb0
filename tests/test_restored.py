"""What the run puts in place it takes away, however it ends."""

from __future__ import annotations

import pytest

from inner import MISSED_AWAIT, Suite

OUTER = """
import gc, sys, threading, types, warnings

def state():
    methods = types.AsyncGeneratorType.__dict__
    mock = sys.modules.get("unittest.mock")
    return {
        "hook": warnings._warn_unawaited_coroutine,
        "filters": list(warnings.filters),
        "type of filters": type(warnings.filters),
        "show": warnings._showwarnmsg_impl,
        "threads": (threading.Thread._bootstrap_inner, threading.Thread.start),
        "methods": {name: methods[name] for name in ("asend", "athrow", "aclose", "__anext__")},
        "callbacks": list(gc.callbacks),
        "thresholds": gc.get_threshold(),
        # 3.12 begins with some that are nobody's
        "frozen": sys.version_info[:2] != (3, 12) and gc.get_freeze_count(),
        "depth": sys.get_coroutine_origin_tracking_depth(),
        "mocks": mock and mock.CallableMixin.__dict__["_increment_mock_call"],
        "profile": sys.getprofile(),
        "thread profile": threading.getprofile(),
        "tools": [sys.monitoring.get_tool(n) for n in range(6)] if sys.version_info >= (3, 12)
            else [],
        "hooks": (sys.unraisablehook, threading.excepthook, sys.excepthook),
    }

import unittest.mock
import pytest

sys.set_coroutine_origin_tracking_depth(1)
before = state()
try:
    status = pytest.main(["-p", "anyio", "-p", "anyrig", "-p", "no:cacheprovider", *sys.argv[1:]])
except BaseException as error:
    print("RAISED", repr(error))
    status = -1
after = state()
changed = [name for name in before if before[name] != after[name]]
print("CHANGED", changed, "STATUS", int(status))
"""

ENDS = {
    "green": ("def test_it(): ...", 0),
    "finding": (MISSED_AWAIT, 1),
    "async generator": ("async def a(): yield\nasync def test_it():\n    a().asend(None)\n", 1),
    "wrapped": (
        (
            "import functools\n"
            "def wraps(f):\n"
            "    @functools.wraps(f)\n"
            "    def run(**kwargs):\n"
            "        raise ValueError\n"
            "    return run\n"
            "@wraps\n"
            "async def test_it(): ...\n"
        ),
        1,
    ),
    "interrupted": ("def test_it():\n    raise KeyboardInterrupt\n", 2),
    "exit": ("import pytest\ndef test_it():\n    pytest.exit('now', 7)\n", 7),
    "no tests": ("", 5),
    "import error": ("import nothing_of_this_name\n", 2),
    "usage error": ("import pytest\npytestmark = pytest.mark.anyrig(x=1)\ndef test_it(): ...\n", 4),
}


def _changed(suite: Suite, *arguments: str) -> tuple[str, str]:
    suite.write("outer.py", OUTER)
    ran = suite.script("outer.py", *arguments)
    (line,) = [line for line in ran.text.splitlines() if line.startswith("CHANGED")] or [ran.text]
    return line, ran.text


@pytest.mark.parametrize("name", list(ENDS))
def test_everything_is_put_back(suite: Suite, name: str) -> None:
    """After a run, however it ended, the interpreter is as it was."""
    source, status = ENDS[name]
    suite.write("test_it.py", source)
    line, text = _changed(suite)
    assert line == f"CHANGED [] STATUS {status}", text


@pytest.mark.parametrize("error", ["RuntimeError('broken')", "KeyboardInterrupt"])
@pytest.mark.parametrize(
    "hook", ["sessionstart", "collection_finish", "runtest_logreport", "sessionfinish"]
)
def test_everything_is_put_back_after_an_internal_error(
    suite: Suite, hook: str, error: str
) -> None:
    """Where a hook of somebody's breaks the run itself, the interpreter is as it was, too."""
    suite.write("conftest.py", f"def pytest_{hook}():\n    raise {error}\n")
    suite.write("test_it.py", MISSED_AWAIT)
    line, text = _changed(suite)
    assert line.startswith("CHANGED []"), text


def test_everything_is_put_back_after_a_wrong_setting(suite: Suite) -> None:
    """A usage error at the start leaves nothing behind."""
    line, text = _changed(suite, "--anyrig-never-ran=x")
    assert line == "CHANGED [] STATUS 4", text


STEPS = {
    "threads": "anyrig.seams.cpython.threads ThreadStarts __enter__",
    "coroutines": "anyrig.seams.cpython.unawaited UnawaitedHook __enter__",
    "filters": "anyrig.seams.cpython.filters FirstFilter __enter__",
    "mocks": "anyrig.seams.unittest_mock MockHooks __enter__",
    "methods": "anyrig.seams.cpython.asyncgen MethodCalls __enter__",
    "window": "anyrig.seams.cpython.young YoungObjects open",
    "limits": "anyrig.limits Limits start",
    "lost": "anyrig.checks.lost_exception LostExceptions __init__",
    "starters": "anyrig.seams.cpython.threads Starters __enter__",
    "settings": "anyrig.rig - runs_unmarked",
}


@pytest.mark.parametrize("step", list(STEPS))
def test_everything_is_put_back_after_a_start_that_ends_early(suite: Suite, step: str) -> None:
    """Wherever the start ends, what it has put in place is taken away, and nothing else."""
    module, owner, name = STEPS[step].split()
    suite.write(
        "conftest.py",
        f"""
import {module} as module
import pytest

def fail(*args):
    raise pytest.UsageError("not today")

setattr({"module" if owner == "-" else f"module.{owner}"}, "{name}", fail)
""",
    )
    line, text = _changed(suite)
    assert line == "CHANGED [] STATUS 4", text
    assert "ERROR: not today" in text
    assert "internal error" not in text


def test_a_part_that_can_not_be_put_back_keeps_no_other(suite: Suite) -> None:
    """What fails at the end is told, and all others are put back."""
    suite.write(
        "conftest.py",
        """
from anyrig.limits import Limits

def fail(self, stop=Limits.stop):
    stop(self)
    raise RuntimeError("not today")

Limits.stop = fail
""",
    )
    suite.write("test_it.py", "def test_it(): ...")
    line, text = _changed(suite)
    assert line.startswith("CHANGED []"), text
    assert "RuntimeError: not today" in text
