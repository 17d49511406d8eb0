"""The vocabulary: what a check found, where it was made, and what is to be done about it.

This module imports nothing of anyrig but `safe`: every other part speaks in these words, and what
they hold of the suite's names and texts is safe to print, whoever put it there.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from . import safe


class Kind(enum.StrEnum):
    """The kinds of findings; the value is the word users write in markers and read in reports."""

    MISSED_AWAIT = "missed_await"
    NEVER_RAN = "never_ran"
    WRONG_BACKEND = "wrong_backend"
    LEAKED_TASK = "leaked_task"
    LOST_EXCEPTION = "lost_exception"
    LEAKED_ASYNCGEN = "leaked_asyncgen"
    LEAKED_THREAD = "leaked_thread"
    BLOCKED_LOOP = "blocked_loop"
    DEADLOCK = "deadlock"
    WRONG_THREAD = "wrong_thread"
    TIMEOUT = "timeout"
    LEAKED_CONTEXTVAR = "leaked_contextvar"
    UNUSED_STUB = "unused_stub"

    @property
    def setting(self) -> str:
        """The ini option that sets this kind's policy; the flag follows from it."""
        return f"anyrig_{self.marker_word}"

    @property
    def marker_word(self) -> str:
        """The word that sets this kind's policy in ``@pytest.mark.anyrig(...)``."""
        return _MARKER_WORDS[self]


_MARKER_WORDS = {
    Kind.MISSED_AWAIT: "missed_awaits",
    Kind.NEVER_RAN: "never_ran",
    Kind.WRONG_BACKEND: "wrong_backend",
    Kind.LEAKED_TASK: "leaked_tasks",
    Kind.LOST_EXCEPTION: "lost_exceptions",
    Kind.LEAKED_ASYNCGEN: "leaked_asyncgens",
    Kind.LEAKED_THREAD: "leaked_threads",
    Kind.BLOCKED_LOOP: "blocked_loop",
    Kind.DEADLOCK: "deadlock",
    Kind.WRONG_THREAD: "wrong_thread",
    Kind.TIMEOUT: "timeouts",
    Kind.LEAKED_CONTEXTVAR: "leaked_contextvars",
    Kind.UNUSED_STUB: "unused_stubs",
}


class Policy(enum.Enum):
    """What a finding of a kind does to the test it is about."""

    FAIL = "fail"
    WARN = "warn"
    OFF = "off"


class Phase(enum.Enum):
    """The part of a test in which something was made; the values are pytest's ``when``."""

    COLLECT = "collect"
    SETUP = "setup"
    CALL = "call"
    TEARDOWN = "teardown"
    BETWEEN = "between"


_PATH = 1000  # characters of a path
# the lines that a finding has of each, at most
_MOST = {"details": 20, "picture": safe.LINES, "mend": 20, "trace": 60, "others": 20}


class Frame(NamedTuple):
    """One line of code on the way to where a thing was made."""

    filename: str
    lineno: int
    function: str

    def __str__(self) -> str:
        return f"{safe.path(self.filename)}:{self.lineno} in {self.function}"

    def safe(self) -> Frame:
        """The same, safe to print."""
        name = safe.name(self.function)
        return self._replace(filename=safe.line(self.filename, _PATH), function=name)


class Origin(NamedTuple):
    """Where a thing was made: the user's own line, and the frames between it and the test.

    ``path`` is as the user would type it (relative to the run's root directory where it lies
    below it). ``inside`` is set where a library made the thing on behalf of that line.
    ``exact`` is false where the interpreter kept no record and the line was read off the source.
    """

    path: str
    lineno: int
    function: str
    source: str
    chain: tuple[Frame, ...] = ()
    inside: Frame | None = None
    exact: bool = True

    def __str__(self) -> str:
        return f"{safe.path(self.path)}:{self.lineno}"

    def safe(self) -> Origin:
        """The same, safe to print."""
        return self._replace(
            path=safe.line(self.path, _PATH),
            function=safe.name(self.function),
            source=safe.line(self.source),
            chain=tuple(frame.safe() for frame in self.chain),
            inside=None if self.inside is None else self.inside.safe(),
        )


class Edit(NamedTuple):
    """A piece of a file that a mend replaces: ``old`` stands there now, and ``new`` is to.

    ``path`` is as in `Origin`, ``line`` counts from 1 and ``column`` from 0, in characters. An
    empty ``old`` is a place where ``new`` is put in. `anyrig.edits` makes them.
    """

    path: str
    line: int
    column: int
    old: str
    new: str


class Place(NamedTuple):
    """The test and the phase that were running when a thing was made; no test: between tests."""

    test: str | None
    phase: Phase


@dataclass(frozen=True)
class Finding:
    """One fact that a check found: its kind, test, phase, what it is, its origin, how to mend it.

    ``what`` names the thing, ``summary`` is one line that stands alone, ``details`` are further
    facts (a line each), ``picture`` is lines to be shown as they are, ``trace`` are lines that say
    where an exception was raised, ``mend`` is what to type (words, or code indented by four),
    ``count`` how many facts of one line this one stands for, and ``others`` what the others of them
    are about, where that is not the same. ``permitted`` names the allowance that permits it, if one
    does. ``edits`` are what the code in ``mend`` changes in the user's files.

    Whatever text it is given, the one it has is safe to print and bounded (see `safe`); but the
    test's id is as pytest has it.
    """

    kind: Kind
    place: Place
    what: str
    summary: str
    origin: Origin | None = None
    details: tuple[str, ...] = ()
    picture: tuple[str, ...] = ()
    mend: tuple[str, ...] = ()
    count: int = 1
    policy: Policy = Policy.FAIL
    permitted: str | None = None
    trace: tuple[str, ...] = ()
    edits: tuple[Edit, ...] = ()
    others: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for field in ("what", "summary"):
            object.__setattr__(self, field, safe.line(getattr(self, field)))
        for field, most in _MOST.items():
            object.__setattr__(self, field, safe.lines(getattr(self, field), most))
        if self.origin is not None:
            object.__setattr__(self, "origin", self.origin.safe())
        if self.permitted is not None:
            object.__setattr__(self, "permitted", safe.line(self.permitted))

    @property
    def is_failing(self) -> bool:
        """Whether it fails its test: its policy says so, and nothing permits it."""
        return self.policy is Policy.FAIL and self.permitted is None

    def to_json(self) -> dict[str, Any]:
        """The finding as plain JSON values, the schema of ``--anyrig-report`` (see the docs)."""
        origin: dict[str, Any] | None = None
        if self.origin is not None:
            inside = self.origin.inside
            origin = {
                **self.origin._asdict(),
                "chain": [frame._asdict() for frame in self.origin.chain],
                "inside": None if inside is None else inside._asdict(),
            }
        return {
            **vars(self),
            "kind": self.kind.value,
            "place": {"test": self.place.test, "phase": self.place.phase.value},
            "origin": origin,
            "policy": self.policy.value,
            "edits": [edit._asdict() for edit in self.edits],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Finding:
        """The finding that :meth:`to_json` wrote; what a worker process sends is read with this."""
        origin = data["origin"]
        if origin is not None:
            inside = origin["inside"]
            origin = Origin(
                **{
                    **origin,
                    "chain": tuple(Frame(**frame) for frame in origin["chain"]),
                    "inside": None if inside is None else Frame(**inside),
                }
            )
        place = Place(data["place"]["test"], Phase(data["place"]["phase"]))
        return cls(
            **{
                **data,
                "kind": Kind(data["kind"]),
                "policy": Policy(data["policy"]),
                "place": place,
                "origin": origin,
                "details": tuple(data["details"]),
                "picture": tuple(data["picture"]),
                "mend": tuple(data["mend"]),
                "trace": tuple(data["trace"]),
                "edits": tuple(Edit(**edit) for edit in data["edits"]),
                "others": tuple(data["others"]),
            }
        )


_TEXT = 2000  # lines of what a test fails with


class FindingError(Exception):
    """What a test fails with when anyrig found something in it; the findings are in ``findings``.

    Where the text says all there is to say, there are none. Raised in the phase of the test in
    which the finding is known, after the test's own code has run: the code under test can't catch
    it.
    """

    def __init__(self, text: str, findings: Sequence[Finding] = ()) -> None:
        super().__init__(safe.block(text, _TEXT))
        self.findings = tuple(findings)


class MissedAwaitError(FindingError):
    """A coroutine was made and never awaited."""


class NeverRanError(FindingError):
    """A test is green although its body did not run to an end."""


class WrongBackendError(FindingError):
    """A test runs on another backend than the one it names."""


class LeakedTaskError(FindingError):
    """A task that a test made is still there when the test has ended."""


class LostExceptionError(FindingError):
    """An exception was raised where nobody could see it."""


class LeakedAsyncGenError(FindingError):
    """An async generator was dropped in the middle, and nobody closed it."""


class LeakedThreadError(FindingError):
    """A thread that a test started is still alive when the test has ended."""


class BlockedLoopError(FindingError):
    """A call held the event loop, and nothing else could run."""


class DeadlockError(FindingError):
    """All tasks wait, and nothing is left that could wake any of them."""


class WrongThreadError(FindingError):
    """Another thread made something ready in a loop that sleeps, and did not tell it."""


class TimedOutError(FindingError):
    """A test took longer than ``anyrig_timeout`` seconds."""


class LeakedContextVarError(FindingError):
    """A test left a context variable changed for the next one."""


class UnusedStubError(FindingError):
    """A double was told what to give, and nobody asked it for that."""


class CancelledByFixture(FindingError):
    """A test, or the setup of a fixture, was cut off by the cancel scope of a fixture.

    Raised in its place where no error of a background task explains it: the scope's deadline has
    passed, or somebody called ``cancel()``.
    """


class DidNotHappen(TimeoutError):
    """What `until` waited for has not come in time; says what there was instead."""

    def __init__(self, text: str) -> None:
        super().__init__(safe.block(text, _TEXT))


class TaskDidNotEnd(FindingError):
    """A task went on for more than ``anyrig_cancel_timeout`` seconds after it was cancelled."""


class ClockError(Exception):
    """A test asks for virtual time where its loop's clock can't be set."""

    def __init__(self, text: str) -> None:
        super().__init__(safe.block(text, _TEXT))


class MockError(Exception):
    """A double of `anyrig.mocks` can't be made, or is asked for what nothing says."""

    def __init__(self, text: str) -> None:
        super().__init__(safe.block(text, _TEXT))


class UnusedAllowanceError(FindingError):
    """An allowance permitted something that did not happen; it can be taken away."""


for _error in (
    FindingError,
    MissedAwaitError,
    NeverRanError,
    WrongBackendError,
    UnusedAllowanceError,
    LeakedTaskError,
    LostExceptionError,
    LeakedAsyncGenError,
    LeakedThreadError,
    BlockedLoopError,
    DeadlockError,
    WrongThreadError,
    TimedOutError,
    LeakedContextVarError,
    UnusedStubError,
    CancelledByFixture,
    TaskDidNotEnd,
    DidNotHappen,
    ClockError,
    MockError,
):
    _error.__module__ = "anyrig"  # the name that users import, and the one that reports show

ERRORS: dict[Kind, type[FindingError]] = {
    Kind.MISSED_AWAIT: MissedAwaitError,
    Kind.NEVER_RAN: NeverRanError,
    Kind.WRONG_BACKEND: WrongBackendError,
    Kind.LEAKED_TASK: LeakedTaskError,
    Kind.LOST_EXCEPTION: LostExceptionError,
    Kind.LEAKED_ASYNCGEN: LeakedAsyncGenError,
    Kind.LEAKED_THREAD: LeakedThreadError,
    Kind.BLOCKED_LOOP: BlockedLoopError,
    Kind.DEADLOCK: DeadlockError,
    Kind.WRONG_THREAD: WrongThreadError,
    Kind.TIMEOUT: TimedOutError,
    Kind.LEAKED_CONTEXTVAR: LeakedContextVarError,
    Kind.UNUSED_STUB: UnusedStubError,
}


def merge(findings: Iterable[Finding]) -> list[Finding]:
    """The findings with those of one line (in a loop, in many examples) as one, order kept.

    What differs between them (the arguments of a call, the number in a name, what an exception
    says) is in `Finding.others`.
    """
    merged: dict[tuple[object, ...], Finding] = {}
    for finding in findings:
        key = (finding.kind, finding.place, *_fault(finding), finding.permitted)
        seen = merged.get(key)
        merged[key] = finding if seen is None else _as_one(seen, finding)
    return list(merged.values())


def _as_one(seen: Finding, more: Finding) -> Finding:
    names = dict.fromkeys((*seen.others, about(more), *more.others))
    names.pop(about(seen), None)
    others = tuple(names)[: _MOST["others"]]
    return replace(seen, count=seen.count + more.count, others=others)


# what a value is written as, in a call or in a name
_VALUE = r"'[^']*'|\"[^\"]*\"|\d+"
_NUMBERED = frozenset({Kind.LEAKED_TASK, Kind.LEAKED_THREAD})  # what has a number in its name
_RAISED = r"(.*?)(?::.*)? was lost in .*"  # the exception's class


def _fault(finding: Finding) -> tuple[object, ...]:
    """What tells one fault from another, whatever values it was met with."""
    what, summary, origin = finding.what, finding.summary, finding.origin
    if origin is None:
        return (what, summary, finding.trace)
    if finding.kind in _NUMBERED:
        what = re.sub(_VALUE, "#", what)
    raised = re.fullmatch(_RAISED, summary)
    places = tuple(line for line in finding.trace if re.fullmatch(r">   .*|.*:\d+ in \S+", line))
    mend = tuple(re.sub(_VALUE, "#", line) for line in finding.mend)
    return (what, origin, mend, finding.edits, places, None if raised is None else raised[1])


def about(finding: Finding) -> str:
    """What it is about, told from others of its line: a call, a name, what an exception says."""
    if finding.kind is Kind.LOST_EXCEPTION:
        return finding.summary.partition(" was lost in ")[0]
    named = re.search(r"`[^`]+`", finding.summary)
    return finding.summary if named is None else named[0]
