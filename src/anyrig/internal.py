"""What fails inside anyrig itself: told beside the test's own result, and the run goes on.

Problem: a fault in what draws, words, asks or watches would take the place of the test's result, or
hang the run where it ends what others wait for.
Approach: such calls run under a guard. What they raise is noted here, the same again is counted,
and reports, the end of the run and ``--anyrig-report`` tell it. What is meant to leave (Ctrl-C, the
end of the run, a finding that fails the test, a cancellation) leaves.
Limits: what a guarded call was to find or tell is missing.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any

from . import safe
from .findings import FindingError, Phase, Place
from .own import sys, threading, traceback

WHERE = "the issues of anyrig's repository"  # where a report is asked to go
KIND = "internal_error"  # the word in ``--anyrig-report``

_MOST = 50  # different ones that are kept at a time; more are counted
_LINES = 60  # of a traceback
_WIDTH = 500  # characters of a line
# whose versions are asked for in a report
_PACKAGES = ("anyrig", "pytest", "anyio", "trio", "uvloop", "pytest_asyncio", "xdist")
# what ends a run, a call or a test, and is no fault
_MEANT = (KeyboardInterrupt, SystemExit, GeneratorExit, FindingError)
_CANCELLATIONS = {"CancelledError", "Cancelled", "Stopped"}


@dataclass(frozen=True)
class Failure:
    """One internal error: what anyrig was doing, in which test, and the traceback's lines.

    The lines are those of the first one; where the same has happened before, there are none.
    """

    doing: str
    place: Place
    error: str
    trace: tuple[str, ...] = ()
    count: int = 1

    @property
    def summary(self) -> str:
        """One line that stands alone."""
        times = f", {self.count} times" if self.count > 1 else ""
        return f"anyrig itself failed while {self.doing}: {self.error}{times}"

    def to_json(self) -> dict[str, Any]:
        """A line of ``--anyrig-report``: the fields of a finding, of a kind that fails no test."""
        return {
            "kind": KIND,
            "place": {"test": self.place.test, "phase": self.place.phase.value},
            "what": self.doing,
            "summary": self.summary,
            "origin": None,
            "details": [self.error],
            "picture": [],
            "mend": [f"please report it: {WHERE}"],
            "count": self.count,
            "policy": "warn",
            "permitted": None,
            "trace": list(self.trace),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Failure:
        """The failure that :meth:`to_json` wrote."""
        place = Place(data["place"]["test"], Phase(data["place"]["phase"]))
        error, *_ = data["details"]
        return cls(data["what"], place, error, tuple(data["trace"]), data["count"])


class Guard:
    """Notes what is raised while it is entered, but what is meant to leave; to be entered often."""

    __slots__ = ("_doing", "_internal")

    def __init__(self, internal: Internal, doing: str) -> None:
        self._internal = internal
        self._doing = doing

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        return error is not None and self._internal.take(error, self._doing)

    def take(self, error: BaseException) -> None:
        """Note what was raised, in an ``except`` of where each test comes by; raise it if meant.

        A ``try`` costs nothing until something is raised, and to enter a guard is two calls.
        """
        __tracebackhide__ = True
        if not self._internal.take(error, self._doing):
            raise error


class Internal:
    """The internal errors of a run, until a report or the run's end takes them."""

    def __init__(
        self,
        here: Callable[[], Place] = lambda: Place(None, Phase.BETWEEN),
        meant: Sequence[type[BaseException]] = (),
    ) -> None:
        self._here = here
        self._meant = (*_MEANT, *meant)
        # those that nothing has told yet; asked after each phase of each test
        self.new: list[Failure] = []
        self._known: set[object] = set()  # what has been told with its traceback
        self._lock = threading.RLock()  # a signal's handler may note one as well

    def guard(self, doing: str) -> Guard:
        """What to enter around a call of ours that is not to harm the test: see the module.

        ``doing`` goes on from "anyrig itself failed while": "drawing the tree of tasks".
        """
        return Guard(self, doing)

    def call(self, doing: str, function: Callable[..., object], *arguments: object) -> None:
        """Call a function under a guard, for who has to hand on a function."""
        with Guard(self, doing):
            function(*arguments)

    def take(self, error: BaseException, doing: str) -> bool:
        """Note an error; False, and nothing is noted, where it is meant to leave."""
        if isinstance(error, self._meant) or _is_cancellation(error):
            return False
        self.note(error, doing)
        return True

    def note(self, error: BaseException, doing: str) -> None:
        """Note an error, from any thread; never raises an `Exception`."""
        try:
            place = self._here()
        except Exception:  # noqa: BLE001 - the error itself is what has to be told
            place = Place(None, Phase.BETWEEN)
        key = (doing, type(error), tuple(_lines_of(error.__traceback__)))
        with self._lock:
            is_first = key not in self._known and len(self._known) < _MOST
            if is_first:
                self._known.add(key)
            trace = _trace(error) if is_first else ()
            self._add(Failure(doing, place, _in_words(error), trace))

    def _add(self, new: Failure) -> None:
        """Add one, or count it with the same; of very many, with the last."""
        same = [
            index
            for index, one in enumerate(self.new)
            if not new.trace and (one.doing, one.place) == (new.doing, new.place)
        ]
        if len(self.new) >= _MOST:
            same.append(len(self.new) - 1)
        if same:
            one = self.new[same[0]]
            self.new[same[0]] = replace(one, count=one.count + 1)
        else:
            self.new.append(new)

    def drain(self) -> list[Failure]:
        """Those that nothing has told yet, which whoever asks is to tell."""
        with self._lock:
            new, self.new = self.new, []
            return new


def text(failures: Sequence[Failure]) -> str:
    """What stands below the report of the test in which they happened."""
    lines: list[str] = []
    for failure in failures:
        lines += [failure.summary, *(f"  {line}" for line in failure.trace), ""]
    lines += ["The test's own result stands; what anyrig was to find or to say may be missing."]
    return "\n".join([*lines, *_request()])


def summary(failures: Sequence[Failure]) -> list[str]:
    """The lines at the end of the run: the same fault of several tests counted as one.

    It is told with the first test by name, whichever worker's came first.
    """
    merged: dict[tuple[str, str], list[Failure]] = {}
    for failure in failures:
        merged.setdefault((failure.doing, failure.error.partition(":")[0]), []).append(failure)
    lines: list[str] = []
    for same in list(merged.values())[:_MOST]:
        failure = _as_one(same)
        where = f" ({failure.place.test})" if failure.place.test is not None else ""
        lines += [f"internal error: {failure.summary}{where}"]
        lines += [f"  {line}" for line in failure.trace]
    more = len(merged) - _MOST
    lines += [f"internal error: {more} others"] if more > 0 else []
    return [*lines, "The tests' own results stand.", *_request()]


def _as_one(same: Sequence[Failure]) -> Failure:
    first = min(same, key=lambda one: one.place.test or "")
    trace = next((one.trace for one in same if one.trace), ())
    return replace(first, count=sum(one.count for one in same), trace=first.trace or trace)


def _request() -> list[str]:
    return [f"Please report it, with this text: {WHERE}.", versions()]


def versions() -> str:
    """What a report has to say of where it happened."""
    from importlib.metadata import PackageNotFoundError, version

    words = [f"{platform.python_implementation()} {platform.python_version()}"]
    for name in _PACKAGES:
        # what is not imported has had no part in it
        if name in sys.modules:
            try:
                words.append(f"{name} {version({'xdist': 'pytest-xdist'}.get(name, name))}")
            except PackageNotFoundError:
                words.append(f"{name} (of no known version)")
    return ", ".join([*words, platform.platform()])


def _is_cancellation(error: BaseException) -> bool:
    # by name: asyncio and trio are imported where they are used
    return not isinstance(error, Exception) and type(error).__name__ in _CANCELLATIONS


def _in_words(error: BaseException) -> str:
    try:
        words = safe.said_by(error).strip()
    except Exception:  # noqa: BLE001 - nothing is left to make words with
        words = type(error).__name__
    return safe.line(words.partition("\n")[0], _WIDTH)


def _trace(error: BaseException) -> tuple[str, ...]:
    try:
        text = "".join(traceback.format_exception(error, limit=-_LINES // 3))
        lines = [safe.line(line, _WIDTH) for line in text.splitlines()]
    except Exception:  # noqa: BLE001 - the source or its own words fail: the places are left
        lines = [f"{file}:{line}" for file, line in _lines_of(error.__traceback__)]
    if len(lines) <= _LINES:
        return tuple(lines)
    return (*lines[:2], f"... {len(lines) - _LINES} lines more ...", *lines[2 - _LINES :])


def _lines_of(tb: TracebackType | None) -> list[tuple[str, int | None]]:
    """The innermost places of a traceback, outermost first."""
    places: list[tuple[str, int | None]] = []
    while tb is not None:
        places.append((tb.tb_frame.f_code.co_filename, tb.tb_lineno))
        tb = tb.tb_next
    return places[-10:]
