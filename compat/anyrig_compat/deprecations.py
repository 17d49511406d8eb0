"""How many uses of old names are left in a suite, and what to write in their place.

A use is a place: a test that runs with forty parameters, or on four workers, has one. What uses an
old name says so with `note_use`; the end of the run tells all of it in a section of its own, for a
suite that warns of each would have a warning for each test. (PYTEST_DONT_REWRITE)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from anyrig.own import os, textwrap

from .choices import Choice

POLICY = Choice(
    ini="anyrig_compat_deprecations",
    values=("warn", "fail", "off"),
    default="warn",
    help="what to do about uses of old names: tell them, fail the run, or nothing",
)
_NEXT = "next: write what stands below each; docs/leaving.md has the steps"
_FAILED = f"The run fails for them: {POLICY.ini} = fail"
_OUTPUT = "anyrig_compat_uses"
_WIDTH = 79


def shown_path(path: str, root: str | os.PathLike[str]) -> str:
    """A file as it is named from a folder; as it is where Windows has it on another drive."""
    try:
        return os.path.relpath(path, root)
    except ValueError:
        return path


class Uses:
    """The uses of old names in one run; on ``config.stash``."""

    def __init__(self, policy: str) -> None:
        self.policy = policy
        # the old name -> what to write in its place
        self._instead: dict[str, str] = {}
        # the old name -> the places that use it, as `path:line`
        self._places: dict[str, set[str]] = {}
        # the tests that use any
        self._tests: set[str] = set()
        self._crashed = 0  # workers that could not say what they had counted

    def note(self, name: str, nodeid: str, place: str, instead: str) -> None:
        """A test, or what it asks for, uses an old name there."""
        if self.policy != "off":
            self._instead[name] = instead
            self._places.setdefault(name, set()).add(place)
            if nodeid:
                self._tests.add(nodeid)

    # -- across xdist's workers --------------------------------------------------------------------

    def to_worker_output(self) -> dict[str, Any]:
        """What a worker sends at its end, as plain values."""
        places = {name: sorted(of_name) for name, of_name in self._places.items()}
        return {"instead": self._instead, "places": places, "tests": sorted(self._tests)}

    def add(self, output: dict[str, Any] | None) -> None:
        """Add what a worker has sent; one that crashed has sent nothing."""
        if output is None:
            self._crashed += 1
            return
        self._instead |= output["instead"]
        self._tests.update(output["tests"])
        for name, places in output["places"].items():
            self._places.setdefault(name, set()).update(places)

    # -- the end of the run ------------------------------------------------------------------------

    @property
    def fails_run(self) -> bool:
        """Whether the run has to fail for what is left."""
        return self.policy == "fail" and bool(self._places)

    def lines(self) -> Iterator[str]:
        """The section at the end of the run; nothing where no old name is left."""
        if not self._places:
            return
        places = [place for of_name in self._places.values() for place in of_name]
        files = {place.rpartition(":")[0] for place in places if ":" in place}
        uses, in_files = _counted(len(places), "use"), _counted(len(files), "file")
        yield f"old names: {uses} in {in_files}, {_counted(len(self._tests), 'test')}"
        for name in sorted(self._places, key=lambda one: (-len(self._places[one]), one)):
            yield from self._of(name)
        if self._crashed:
            yield f"not counted: what ran on {_counted(self._crashed, 'worker')} that crashed"
        yield _NEXT
        if self.fails_run:
            yield _FAILED

    def _of(self, name: str) -> Iterator[str]:
        places = self._places[name]
        first = min(places, key=_in_order)
        yield f"{name}: {_counted(len(places), 'use')}, first at {first}"
        yield from textwrap.wrap(
            self._instead[name],
            _WIDTH,
            initial_indent="    write ",
            subsequent_indent="          ",
            break_long_words=False,
            break_on_hyphens=False,
        )


_USES = pytest.StashKey[Uses]()


def note_use(config: pytest.Config, name: str, nodeid: str, place: str, instead: str) -> None:
    """Count a use of an old name, for the end of the run.

    ``nodeid`` is the test that uses it (empty: a fixture of wider scope), ``place`` the line that
    is to be changed, as ``path:line`` from the root directory, and ``instead`` what to write.
    """
    uses = config.stash.get(_USES, None)
    if uses is not None:
        uses.note(name, nodeid, place, instead)


def note_use_by(item: pytest.Item, name: str, instead: str) -> None:
    """Count a use by a test itself: its place is where the test is written."""
    path, line, _ = item.location
    note_use(item.config, name, item.nodeid, f"{path}:{(line or 0) + 1}", instead)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s'[: number != 1]}"


def _in_order(place: str) -> tuple[str, int]:
    path, _, line = place.rpartition(":")
    return path, int(line) if line.isdigit() else 0


# -- pytest's hooks --------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """The setting."""
    POLICY.declare(parser)


def pytest_configure(config: pytest.Config) -> None:
    """The run begins."""
    config.stash[_USES] = Uses(POLICY.read(config))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A worker of xdist's has ended."""
    output = getattr(node, "workeroutput", {})
    node.config.stash[_USES].add(output.get(_OUTPUT))


# last, for the fixtures of the session end in this hook as well
@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """The last test is over."""
    uses = session.config.stash[_USES]
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_OUTPUT] = uses.to_worker_output()
    elif uses.fails_run and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The section, where there is something to tell."""
    uses = terminalreporter.config.stash[_USES]
    for number, line in enumerate(uses.lines()):
        if not number:
            terminalreporter.section("anyrig_compat", sep="=", bold=True)
        terminalreporter.line(line, red=line == _FAILED)
