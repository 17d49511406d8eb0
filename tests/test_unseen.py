"""What others raise looks as it does without anyrig: no frame of ours stands in between."""

from __future__ import annotations

import re
from collections.abc import Generator

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
_DIFFERENT = re.compile(r"0x[0-9a-f]+|\d+\.\d+s")  # what is not the same in two runs


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
        # a whole traceback names the hook, and no line of its file
        assert "anyrig" not in text.replace(str(suite.path), "").replace("<a hook of anyrig>", "")


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


def test_a_wrapper_is_in_no_file() -> None:
    """The frame of a wrapper is one that pytest takes for generated code, and works as it did."""

    @unseen.wrapper
    def hook() -> Generator[None, str, str]:
        return (yield) + " was given"

    around = hook()
    next(around)
    assert hook.__code__.co_filename.startswith("<")
    with pytest.raises(StopIteration) as ended:
        around.send("it")
    assert ended.value.value == "it was given"


def test_who_wraps_ours_is_given_what_was_given(suite: Suite) -> None:
    """A wrapper of another plugin around ours hears the value of a fixture that was set up."""
    suite.write(
        "conftest.py",
        """
        import pytest

        seen = []

        @pytest.hookimpl(wrapper=True, tryfirst=True)
        def pytest_fixture_setup(fixturedef):
            value = yield
            seen.append((fixturedef.argname, value))
            return value
        """,
    )
    suite.write(
        "test_it.py",
        """
        import pytest
        from conftest import seen

        @pytest.fixture(scope="module")
        def anyio_backend():
            return "asyncio"

        @pytest.fixture
        def plain():
            return 1

        @pytest.fixture
        async def anyios():
            yield 2

        async def test_it(plain, anyios, task_group):
            assert dict(seen) == {
                "anyio_backend": "asyncio", "plain": 1, "anyios": 2, "task_group": task_group
            }
        """,
    )
    assert suite.run().counts == {"passed": 1}


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


SHOWN = """
import pytest

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    if call.excinfo is not None:
        shown = [
            entry.name
            for entry in call.excinfo.traceback
            if not entry.ishidden(call.excinfo) and "anyrig/" in str(entry.path)
        ]
        print(call.when, "shows", shown)
    return (yield)
"""

FORGETFUL = """
import pytest

async def save(): ...

@pytest.fixture
async def forgetful():
    save()
    yield
    save()

async def test_in_a_call():
    save()

async def test_in_a_fixture(forgetful):
    pass
"""


def test_what_is_hidden_is_not_read_for_a_finding(suite: Suite) -> None:
    """Pytest parses the whole file of each frame that it would show: none of ours is one."""
    suite.ini("anyrig_backends = asyncio trio")
    suite.write("conftest.py", SHOWN)
    suite.write("test_it.py", FORGETFUL)
    ran = suite.run("-s")
    assert ran.counts == {"failed": 2, "error": 4}
    for when, times in (("setup", 2), ("call", 2), ("teardown", 2)):
        assert ran.text.count(f"{when} shows []") == times
