"""What others raise looks as it does without anyrig: no frame of ours stands in between."""

from __future__ import annotations

import re
from types import TracebackType
from typing import Any

import pytest

from anyrig import unseen
from inner import Suite

FAILING = """
import pytest
from hypothesis import given, strategies

@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.fixture
def plain():
    return 1

@given(n=strategies.integers())
def test_health(plain, n):
    pass

def test_assert():
    assert [1, 2] == [1, 3]

async def test_async_assert():
    assert 1 == 2

def helper():
    raise ValueError("deep")

async def deeper():
    helper()

async def test_deep():
    await deeper()

def test_failed():
    pytest.fail("told")

def test_without_a_trace():
    pytest.fail("told", pytrace=False)

def test_did_not_raise():
    with pytest.raises(ValueError):
        pass

def test_skipped():
    pytest.skip("not now")

@pytest.mark.xfail(strict=True)
def test_passes():
    pass

@pytest.fixture
def bad_setup():
    raise KeyError("setup")

@pytest.fixture
async def bad_async_setup():
    raise KeyError("async setup")

@pytest.fixture
async def bad_end():
    yield
    raise KeyError("end")

def test_bad_setup(bad_setup):
    pass

async def test_bad_async_setup(bad_async_setup):
    pass

async def test_bad_end(bad_end):
    pass

def test_with_setup_of_another_file(elsewhere):
    pass

def test_with_end_of_another_file(end_elsewhere):
    pass
"""
ELSEWHERE = """
import pytest

@pytest.fixture
def elsewhere():
    raise KeyError("elsewhere")

@pytest.fixture
def end_elsewhere():
    yield
    raise KeyError("the end")
"""
# what is not the same in two runs, and how pluggy calls a wrapper of the older sort
_DIFFERENT = re.compile(
    r"0x[0-9a-f]+|\d+\.\d+s"
    r"|^.*pluggy.*in run_old_style_hookwrapper\n(    .*\n)*",
    re.MULTILINE,
)


@pytest.mark.parametrize("style", ["auto", "long"])
def test_failures_look_the_same(suite: Suite, style: str) -> None:
    """Each failure of a test, a fixture or a check of pytest's and Hypothesis' is shown as ever."""
    suite.write("test_it.py", FAILING)
    suite.write("conftest.py", ELSEWHERE)
    arguments = ("-q", f"--tb={style}", "-p", "no:warnings")
    without = suite.run(*arguments, anyrig=False).text
    within = suite.run(*arguments, report=False).text
    assert _DIFFERENT.sub("", within) == _DIFFERENT.sub("", without)
    assert "anyrig" not in _DIFFERENT.sub("", within).replace(str(suite.path), "")


NO_LINE_OF_THE_USERS = """
import pytest

@pytest.hookimpl(trylast=True)
def pytest_runtest_setup(item):
    assert item.name != "test_refused", "refused by pytest"
"""


def test_what_pytest_raises_is_pytests(suite: Suite) -> None:
    """An error of a plugin's, with no line of the test's in it, is shown where that raised it."""
    suite.write("refuses.py", NO_LINE_OF_THE_USERS)
    suite.syspath()
    suite.write("test_it.py", "def test_refused(): pass")
    for style in ("auto", "native"):
        arguments = ("-q", "-p", "refuses", "-p", "no:warnings", f"--tb={style}")
        text = suite.run(*arguments, report=False).text
        assert "refuses.py" in text
        assert "anyrig" not in text.replace(str(suite.path), "")


@pytest.mark.parametrize(
    "body",
    [
        "async def test_it(clock, fast_sleep): pass",
        'def test_it():\n    with anyrig.allow("missed_awaits"): pass',
        "def test_it(mocks):\n    mocks.patch('nowhere.name')",
        "async def test_it():\n    await anyrig.until(42)",
        "def test_it():\n    anyrig.allow('missed_await', nothing=1)",
    ],
)
def test_own_errors_show_none_of_our_lines(suite: Suite, body: str) -> None:
    """What anyrig itself refuses is one text, with no line of its source."""
    suite.write("test_it.py", f"import anyrig\n\n{body}\n")
    text = suite.run("--anyrig-backend=asyncio", report=False).text
    failure = text.partition("= FAILURES =")[2] or text.partition("= ERRORS =")[2]
    assert failure
    shown = failure.partition("short test summary")[0]
    assert "src/anyrig/" not in shown
    assert "contextlib.py" not in shown


class _Outcome:
    """What pluggy gives an older wrapper."""

    def __init__(self, exception: BaseException | None) -> None:
        self.exception = exception
        self.traceback = None if exception is None else exception.__traceback__
        self.forced: object = "nothing"

    def get_result(self) -> object:
        return "result"

    def force_result(self, result: object) -> None:
        self.forced = result

    def force_exception(self, error: BaseException) -> None:
        self.forced = error


def _through(outcome: _Outcome) -> Any:
    @unseen.wrapper
    def hook(self: Any, item: Any) -> Any:
        try:
            result = yield
        except KeyError as error:
            raise ValueError("another") from error
        return [result]

    around: Any = hook(None, None)  # type: ignore[arg-type]
    next(around)
    with pytest.raises(StopIteration):
        around.send(outcome)
    return outcome.forced


def _raised(error: BaseException) -> TracebackType | None:
    try:
        raise error
    except BaseException as caught:  # noqa: BLE001 - it is raised above
        return caught.__traceback__


def test_wrapper_passes_on_what_it_is_given() -> None:
    """A result, another result, an error with its own traceback, and another error."""
    assert _through(_Outcome(None)) == ["result"]
    error = TypeError("theirs")
    traceback = _raised(error)
    assert _through(_Outcome(error)) is error
    assert error.__traceback__ is traceback
    forced = _through(_Outcome(KeyError("cause")))
    assert isinstance(forced, ValueError)
    assert isinstance(forced.__cause__, KeyError)


WHERE = """
import pdb

class Shows(pdb.Pdb):
    def interaction(self, frame, traceback, *args):
        super().setup(frame, getattr(traceback, "__traceback__", traceback))
        shown, line = self.stack[self.curindex]
        name = shown.f_code.co_filename.rpartition("/")[2]
        print("STANDS AT", name, line, shown.f_code.co_name, "save" in shown.f_globals)
"""
KINDS = """
import anyio

async def save(): ...

def test_missed():
    save()

async def test_waits():
    await anyio.Event().wait()

def test_own():
    assert False
"""


def test_a_debugger_stands_at_the_users_line(suite: Suite) -> None:
    """``--pdb`` opens at the line that a finding names; at another failure, where that is."""
    suite.write("shows.py", WHERE)
    suite.write("test_it.py", KINDS)
    arguments = ("--pdb", "--pdbcls=shows:Shows", "-s", "--anyrig-backend=asyncio")
    ran = suite.spawn(*arguments, report=False)
    found = [line for line in ran.text.splitlines() if "STANDS AT" in line]
    assert [line.partition("STANDS AT ")[2] for line in found] == [
        "test_it.py 6 test_missed True",
        "test_it.py 9 test_waits True",
        "test_it.py 12 test_own True",
    ], ran.text
