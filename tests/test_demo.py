"""`anyrig demo`: what it shows is so, and it says so when it is not."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from anyrig.cli import demo, main
from anyrig.cli.demo import PLANTED, Fault, Run, is_as_planted, write_suite
from support import Ran, run, run_pytest

pytestmark = pytest.mark.once

_LISTED = re.compile(r"  found   found   (\S+)\n +>   (.+)\n")


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """What the command writes, in a folder that has nothing to do with it."""
    folder = tmp_path_factory.mktemp("somewhere")
    return run([sys.executable, "-m", "anyrig", "demo"], folder)


def test_it_ends_well(shown: Ran) -> None:
    """Its exit status says that all was as it should be."""
    assert shown.status == 0, shown.text


def test_it_reads_well_in_a_small_terminal(shown: Ran) -> None:
    """No line of it is longer than 80 columns."""
    assert [line for line in shown.text.splitlines() if len(line) > 80] == []


def test_it_names_each_planted_fault_on_both_backends(shown: Ran) -> None:
    """Each planted fault is in the table, found on asyncio and on trio, with its line."""
    assert _LISTED.findall(shown.text) == [(fault.test, fault.source) for fault in PLANTED]


def test_it_ends_by_saying_what_it_showed(shown: Ran) -> None:
    """The last part counts the green tests, the faults, and those found on each backend."""
    end = shown.text.partition("What this showed")[2]
    faults = len(PLANTED)
    assert re.search(r"\d+ tests, all green under plain pytest", end)
    assert f"{faults} of them hold a planted fault" in end
    assert f"{faults} of {faults} found by anyrig on asyncio" in end
    assert f"{faults} of {faults} found by anyrig on trio" in end
    assert " 0 false alarms" in end


def test_it_shows_a_whole_report(shown: Ran) -> None:
    """One report is there as pytest prints it, from its heading to its last line."""
    report = shown.text.partition("3. One of the reports")[2].partition("What this showed")[0]
    assert "= FAILURES =" in report
    assert "on_change('lamp')" in report
    assert "1 failed" in report


def test_keep_leaves_the_suite(tmp_path: Path) -> None:
    """With --keep the suite stays, and plain pytest is green in it."""
    folder = tmp_path / "shop"
    shown = run([sys.executable, "-m", "anyrig", "demo", "--keep", str(folder)], tmp_path)
    assert shown.status == 0, shown.text
    assert str(folder) in shown.text
    ran = run_pytest(folder, "-q", plugins=("anyio", "no:anyrig"))
    assert ran.status == 0, ran.text


def test_keep_takes_a_new_folder_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder with something in it is left alone."""
    (tmp_path / "mine.txt").write_text("mine")
    assert main(["demo", "--keep", str(tmp_path)]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    assert "give --keep a new folder" in capsys.readouterr().err


def test_a_suite_that_is_mended_is_not_as_planted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault that is not found is called missed, and the exit status is not 0."""

    def write_mended(folder: Path) -> None:
        write_suite(folder)
        file = folder / "test_store.py"
        file.write_text(
            file.read_text().replace("    assert store.has", "    assert await store.has")
        )

    monkeypatch.setattr(demo, "write_suite", write_mended)
    assert main(["demo"]) == 1
    shown = capsys.readouterr().out
    assert "  MISSED  MISSED  test_store.py::test_what_was_added_is_there" in shown
    assert f"{len(PLANTED) - 1} of {len(PLANTED)} found by anyrig on trio" in shown


def test_a_suite_that_is_red_by_itself_shows_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where plain pytest is not green, the demo says so and stops."""

    def write_broken(folder: Path) -> None:
        write_suite(folder)
        (folder / "test_red.py").write_text("def test_red():\n    assert False\n")

    monkeypatch.setattr(demo, "write_suite", write_broken)
    assert main(["demo"]) == 1
    assert "This should be green, and is not" in capsys.readouterr().out


_AT_FAULT = frozenset(fault.test for fault in PLANTED)
_PLAIN = Run(_AT_FAULT | {"test_x.py::test_fine[trio]"}, frozenset(), frozenset(), "")
_WATCHED = Run(
    passed=frozenset({"test_x.py::test_fine[trio]"}),
    failed=_AT_FAULT,
    found=frozenset(PLANTED),
    text="",
)
_ONE = next(iter(PLANTED))


def test_all_found_and_nothing_else_is_as_planted() -> None:
    """The verdict is good where every planted fault was found and the rest stayed green."""
    assert is_as_planted(_PLAIN, [_WATCHED, _WATCHED])


@pytest.mark.parametrize(
    "watched",
    [
        replace(_WATCHED, found=_WATCHED.found - {_ONE}),
        replace(_WATCHED, found=_WATCHED.found | {Fault("missed_await", "test_x.py::t", "x()")}),
        replace(_WATCHED, found=_WATCHED.found - {_ONE} | {replace(_ONE, source="elsewhere()")}),
        replace(_WATCHED, failed=_AT_FAULT | {"test_x.py::test_fine"}, passed=frozenset()),
        replace(_WATCHED, failed=_AT_FAULT - {_ONE.test}, passed=_WATCHED.passed | {_ONE.test}),
        replace(_WATCHED, passed=frozenset()),
    ],
    ids=["one missed", "one more", "wrong line", "innocent red", "guilty green", "test lost"],
)
def test_anything_else_is_not_as_planted(watched: Run) -> None:
    """The verdict is bad where one backend's run differs in any way."""
    assert not is_as_planted(_PLAIN, [_WATCHED, watched])


def test_the_command_asks_for_a_subcommand() -> None:
    """`anyrig` alone says how it is used, and exits like a usage error."""
    done = subprocess.run(
        [sys.executable, "-m", "anyrig"], capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 2
    assert "COMMAND" in done.stderr
