"""What a sample says is to be found in it, read from the comments on its lines.

``# FOUND kind phase`` stands on the line that a finding has to name. The phase is the one that
made it; the report of that phase has to fail. Words that may follow:

at PHASE    the report that has to fail is another one (known only when what held it ended)
late        no report of a test: it turns up when the test is over and fails the run
of A, B     the tests it belongs to, where the line is in none (``nothing``: no test)
times N     how many equal ones (``many``: any number)
permitted   an allowance permits it, and it fails nothing
xfail       the test is expected to fail: it is counted apart, and fails nothing
warned      it is told, and fails nothing
near LABEL  its details name the line that has ``# LABEL LABEL``
if EXPR     only where this holds of the `World`; always the last

``# FAILS phase Word`` marks a test's own failure, with a word of its first line; ``# ENDS skipped
phase`` (or xfailed, xpassed) an outcome that is not "passed". Both take ``of`` and ``if``. Clauses
are parted by semicolons.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

# what is about time and threads takes its time, and most of what is hostile does nothing to it
SLOW = ("_polled.py", "_too_long.py", "_stuck.py", "_threads_left.py", "_wrong_thread.py")
# one run of .ci/run has every world; the others those that differ most
EVERY = bool(os.environ.get("ANYRIG_EVERY_WORLD"))

_MARKED = re.compile(r"#\s*((?:FOUND|FAILS|ENDS) .*)$")
_LABEL = re.compile(r"# LABEL (\S+)")
_SCOPE = re.compile(r"(?:async )?(def|class) (\w+)")
_RULINGS = ("permitted", "xfail", "warned")
_TAKES_NONE = ("late", "many", *_RULINGS)
_TAKES_WORDS = ("at", "of", "times", "near", "if")


@dataclass(frozen=True, slots=True)
class World:
    """Where the samples run; its fields and properties are what ``if`` may ask."""

    backend: str
    hostility: str

    @property
    def library(self) -> str:
        return self.backend.partition("+")[0]

    @property
    def eager(self) -> bool:
        return self.backend == "asyncio+eager"

    @property
    def uvloop(self) -> bool:
        return self.backend == "asyncio+uvloop"

    @property
    def python(self) -> tuple[int, int]:
        return sys.version_info[:2]

    @property
    def pytest(self) -> tuple[int, ...]:
        return tuple(map(int, version("pytest").split(".")[:2]))

    @property
    def left_out(self) -> tuple[str, ...]:
        """What the names of the samples end with that do not run here."""
        if self.hostility == "windows":  # there, a call that holds a test ends the run
            return ("_too_long.py",)
        is_for_all = self.hostility in ("plain", "-n 2", "macos")
        is_warning = self.hostility == "-W error" and (EVERY or "+" not in self.backend)
        return () if is_for_all or is_warning else SLOW

    def has(self, sample: str) -> bool:
        """Whether this sample runs here."""
        if sample.endswith(self.left_out):
            return False
        return self.hostility != "no hooks" or not sample.startswith("late/")

    def holds(self, text: str) -> bool:
        """Whether the words of an ``if`` are true here."""
        names = ("backend", "hostility", "library", "eager", "uvloop", "python", "pytest")
        return bool(eval(text, {name: getattr(self, name) for name in names}))


@dataclass(frozen=True, slots=True)
class Found:
    """One finding that has to be there, and where its report has to fail (None: nowhere)."""

    test: str | None
    kind: str
    phase: str
    place: str
    known: str | None
    times: int | None
    near: str | None
    ruling: str


@dataclass(slots=True)
class Expectations:
    """What the samples say of one world."""

    found: list[Found] = field(default_factory=list)
    # (test, phase) -> the exception that the test itself fails with
    fails: dict[tuple[str, str], str] = field(default_factory=dict)
    # (test, phase) -> "skipped", "xfailed" or "xpassed"
    ends: dict[tuple[str, str], str] = field(default_factory=dict)
    # label -> file:line
    labels: dict[str, str] = field(default_factory=dict)


def read(samples: Path, world: World, only: str = "") -> Expectations:
    """What the samples in a folder say: all, or those whose path begins with ``only``."""
    expected = Expectations()
    for path in sorted([*samples.rglob("*.py"), *samples.rglob("*.txt")]):
        name = path.relative_to(samples).as_posix()
        if not name.startswith(only) or not world.has(name):
            continue
        lines = path.read_text(encoding="utf-8").splitlines()
        for lineno, line in enumerate(lines, start=1):
            if label := _LABEL.search(line):
                expected.labels[label[1]] = f"{name}:{lineno}"
            if marked := _MARKED.search(line):
                for clause in marked[1].split("; "):
                    place = f"{name}:{lineno}"
                    _add(expected, clause, place, _test_around(lines, lineno), world)
    return expected


def _add(expected: Expectations, clause: str, place: str, around: str, world: World) -> None:
    verb, *words = clause.split()
    leading = list(_until_option(words))
    options = _options(words[len(leading) :])
    if "if" in options and not world.holds(options["if"]):
        return
    name = place.rpartition(":")[0]
    for test in options.get("of", around).split(", "):
        assert test, f"{place}: name the test with 'of'"
        node = None if test == "nothing" else f"{name}::{test}" if "/" not in test else test
        node = node and node.removeprefix("./")
        if verb == "ENDS":
            expected.ends[node or "", leading[1]] = leading[0]
        elif verb == "FAILS":
            expected.fails[node or "", leading[0]] = leading[1]
        else:
            expected.found.append(_found(node, place, leading, options))


def _found(node: str | None, place: str, leading: list[str], options: dict[str, str]) -> Found:
    kind, phase = leading
    ruling = next((f" {word}" for word in _RULINGS if word in options), "")
    known = "late" if "late" in options else options.get("at", phase)
    return Found(
        test=node,
        kind=kind,
        phase=phase,
        place=place,
        known=None if ruling else known,
        times=None if "many" in options else int(options.get("times", "1")),
        near=options.get("near"),
        ruling=ruling,
    )


def _until_option(words: list[str]) -> Iterator[str]:
    for word in words:
        if word in _TAKES_NONE or word in _TAKES_WORDS:
            return
        yield word


def _options(words: list[str]) -> dict[str, str]:
    options: dict[str, str] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "if":
            options[word] = " ".join(rest)
            break
        taken = [] if word in _TAKES_NONE else list(_until_option(rest))
        options[word] = " ".join(taken)
        del rest[: len(taken)]
    return options


def _test_around(lines: list[str], lineno: int) -> str:
    """``Class::test`` of the test whose body or decorators the line is in; empty where in none."""
    indent = len(lines[lineno - 1]) + 1
    names: list[str] = []
    below = 0
    if re.match(r"\s*@", lines[lineno - 1]):
        below = next(i for i, text in enumerate(lines[lineno:]) if _SCOPE.match(text.strip())) + 1
    for line in reversed(lines[: lineno + below]):
        text = line.strip()
        scope = _SCOPE.match(text)
        if scope and len(line) - len(text) < indent:
            indent = len(line) - len(text)
            names.insert(0, scope[2])
        if text and not line[0].isspace():
            break
    while names and not names[-1].startswith("test"):
        names.pop()
    return "::".join(names)
