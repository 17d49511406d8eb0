"""What the end of a run says of old names, in one process and with workers."""

from __future__ import annotations

import pytest

from inner import Suite
from support import Ran

USAGE_ERROR = 4
SHIM = ("-p", "anyrig_compat")

CONFTEST = """
import pytest
from anyrig_compat.deprecations import note_use, note_use_by

@pytest.fixture
def old_list(request):
    note_use_by(request.node, "old_list", "the fixture task_group")

@pytest.fixture(scope="session")
def old_loop(request):
    note_use(request.config, "old_loop", "", "conftest.py:9", "nothing " * 20)
"""

TESTS = """
import pytest

@pytest.mark.parametrize("number", [1, 2, 3])
def test_first(old_list, old_loop, number):
    pass

def test_second(old_list):
    pass

def test_third():
    pass
"""

SECTION = """\
================================ anyrig_compat =================================
old names: 4 uses in 3 files, 5 tests
old_list: 3 uses, first at test_a.py:3
    write the fixture task_group
old_loop: 1 use, first at conftest.py:9
    write nothing nothing nothing nothing nothing nothing nothing nothing
          nothing nothing nothing nothing nothing nothing nothing nothing
          nothing nothing nothing nothing
next: write what stands below each; docs/leaving.md has the steps
"""
FAILS = "The run fails for them: anyrig_compat_deprecations = fail\n"


def _write(suite: Suite) -> None:
    suite.write("conftest.py", CONFTEST)
    suite.write("test_a.py", TESTS)
    suite.write("test_b.py", "def test_other(old_list):\n    pass\n")


def _section(ran: Ran) -> str:
    """The section of the shim, from its heading to the next."""
    head, found, rest = ran.text.partition("= anyrig_compat =")
    if not found:
        return ""
    return head.rpartition("\n")[2] + found + rest.partition("\n=")[0].rstrip("\n") + "\n"


@pytest.mark.parametrize("workers", [False, True], ids=["alone", "workers"])
def test_counts_places_and_not_how_often_each_was_passed(suite: Suite, workers: bool) -> None:
    """A use is a place: parameters and workers do not make it more, and the text is the same."""
    _write(suite)
    run = suite.workers if workers else suite.run
    ran = run(*SHIM, report=False)
    assert _section(ran) == SECTION, ran.text
    assert ran.status == 0
    assert ran.counts == {"passed": 6}  # and no warnings


@pytest.mark.parametrize("workers", [False, True], ids=["alone", "workers"])
@pytest.mark.parametrize("place", ["ini", "flag"])
def test_fail_fails_the_run(suite: Suite, workers: bool, place: str) -> None:
    """``fail`` ends the run in red with a line that says why; the tests themselves are green."""
    _write(suite)
    flags = ["--anyrig-compat-deprecations=fail"]
    if place == "ini":
        suite.ini("anyrig_compat_deprecations = fail")
        flags = []
    run = suite.workers if workers else suite.run
    ran = run(*SHIM, *flags, report=False)
    assert ran.status == 1
    assert ran.counts == {"passed": 6}
    assert _section(ran) == SECTION + FAILS


def test_fail_is_green_where_no_old_name_is_used(suite: Suite) -> None:
    """``fail`` says nothing of a suite that has moved."""
    suite.write("test_a.py", "def test_new():\n    pass\n")
    ran = suite.run(*SHIM, "--anyrig-compat-deprecations=fail")
    assert ran.status == 0
    assert _section(ran) == ""


def test_fail_leaves_the_status_of_a_run_that_was_stopped(suite: Suite) -> None:
    """A run that ended for another reason keeps the status that says so."""
    suite.write("conftest.py", CONFTEST)
    suite.write("test_a.py", "def test_it(old_list):\n    raise KeyboardInterrupt\n")
    ran = suite.spawn(*SHIM, "--anyrig-compat-deprecations=fail", report=False)
    assert ran.status == pytest.ExitCode.INTERRUPTED


@pytest.mark.parametrize("workers", [False, True], ids=["alone", "workers"])
def test_off_says_nothing(suite: Suite, workers: bool) -> None:
    """``off`` counts nothing and says nothing."""
    _write(suite)
    suite.ini("anyrig_compat_deprecations = off")
    run = suite.workers if workers else suite.run
    ran = run(*SHIM, report=False)
    assert ran.status == 0
    assert _section(ran) == ""


def test_worker_that_crashed_is_told(suite: Suite) -> None:
    """What a worker had counted when it crashed is missing, and the section says so."""
    _write(suite)
    suite.write(
        "test_c.py",
        """
        import os

        def test_crashes():
            os._exit(3)
        """,
    )
    ran = suite.workers(*SHIM, report=False)
    assert "not counted: what ran on 1 worker that crashed\n" in _section(ran), ran.text


@pytest.mark.parametrize("workers", [False, True], ids=["alone", "workers"])
def test_wrong_word_names_the_setting_and_the_right_words(suite: Suite, workers: bool) -> None:
    """A wrong word is a usage error that names file, line and setting, and lists the right."""
    suite.ini("", "anyrig_compat_deprecations = fial")
    suite.write("test_a.py", "def test_new():\n    pass\n")
    ran = (suite.workers if workers else suite.run)(*SHIM, report=False)
    assert ran.status == USAGE_ERROR
    assert (
        "pytest.ini:4: anyrig_compat_deprecations: unknown word 'fial' (did you mean 'fail'?); "
        "use 'warn', 'fail', 'off'"
    ) in ran.text
    assert "INTERNALERROR" not in ran.text


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        (["--anyrig-compat-deprecations=no"], "--anyrig-compat-deprecations"),
        (["-o", "anyrig_compat_deprecations=no"], "anyrig_compat_deprecations"),
    ],
    ids=["flag", "override"],
)
def test_wrong_word_on_the_command_line(suite: Suite, arguments: list[str], where: str) -> None:
    """What the command line says is blamed on it, and not on the file."""
    suite.ini("anyrig_compat_deprecations = fail")
    ran = suite.run(*SHIM, *arguments)
    assert ran.status == USAGE_ERROR
    assert f"ERROR: {where}: unknown word 'no'; use 'warn', 'fail', 'off'" in ran.text


@pytest.mark.parametrize("workers", [False, True], ids=["alone", "workers"])
def test_setting_is_known_under_strict_config_from_a_conftest(suite: Suite, workers: bool) -> None:
    """The line ``pytest_plugins = ["anyrig_compat"]`` brings each part of the shim, in time."""
    _write(suite)
    suite.ini("anyrig_compat_deprecations = fail")
    suite.write("conftest.py", 'pytest_plugins = ["anyrig_compat"]\n' + CONFTEST)
    run = suite.workers if workers else suite.spawn
    ran = run("--strict-config", "--strict-markers", "-W", "error", report=False)
    assert _section(ran) == SECTION + FAILS, ran.text


def test_help_shows_the_setting(suite: Suite) -> None:
    """``--help`` shows the option and the flag, with the words that they take."""
    text = " ".join(suite.run(*SHIM, "--help", report=False).text.split())
    assert "anyrig_compat_deprecations (string):" in text
    assert "--anyrig-compat-deprecations=WORD" in text
    assert "(warn | fail | off; default: warn)" in text
