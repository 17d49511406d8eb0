"""What becomes of a finding: the policy and the permission that it falls under.

One `Watch` for the running test and the rulings of a run are on its rig.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from types import CodeType
from typing import Protocol

import pytest

from .allowances import MARKER, Permit, standing_filter
from .checks import never_ran
from .checks.missed_await import Missed, MissedAwaits
from .findings import Finding, Kind, Place, Policy, UnusedAllowanceError, merge
from .origins import Origins
from .settings import Settings

_MIGRATING = pytest.StashKey[bool]()


def migrating(item: pytest.Item) -> None:
    """Has a test's leaked tasks told as warnings, where no setting says what they are to do.

    For plugins that run tests through anyio's which nobody wrote for it, as the shim does; to be
    called when the test is collected.
    """
    item.stash[_MIGRATING] = True


def is_migrating(item: pytest.Item) -> bool:
    """Whether a plugin said so of a test."""
    return item.stash.get(_MIGRATING, False)


def is_lenient(watch: Watch) -> bool:
    """Whether the leaked tasks of a test are but a warning: see `migrating`."""
    is_chosen = Kind.LEAKED_TASK in watch.settings.chosen_kinds
    return not is_chosen and is_migrating(watch.item)


def warned(finding: Finding) -> Finding:
    """The same finding, that fails nothing."""
    return replace(finding, policy=Policy.WARN) if finding.is_failing else finding


@dataclass(eq=False)
class Watch:
    """What is known of one test while it runs: its settings, its body, and what was found."""

    item: pytest.Item
    settings: Settings
    place: Place
    code: CodeType | None  # of the test's own function, where that is async
    body: never_ran.Body | None  # where a decorator stands before it: it may be lost there
    permits: Sequence[Permit]
    # the findings of the phase that has just ended, until its report has taken them
    found: list[Finding] = field(default_factory=list)
    told_never_ran: bool = False
    has_failed: bool = False
    has_skipped: bool = False  # from then on its findings are warnings
    # the ids of what the test itself has failed with, of each error in it and behind it
    told: set[int] = field(default_factory=set)
    # the picture of what ran beside the test when it failed in a phase, until its report has it
    beside: list[str] = field(default_factory=list)
    # what is known of what a phase has failed with, until its report has it
    riddle: str | None = None
    # what the ends of runners raised in a phase that failed by itself, until its report has it
    late: list[BaseException] = field(default_factory=list)
    # the exceptions that failing findings of this phase are about
    causes: list[BaseException] = field(default_factory=list)

    def unused(self) -> UnusedAllowanceError | None:
        """The error for a permission of the test's that nothing needed; None where all were."""
        for permit in self.permits:
            is_on = any(map(self.settings.is_on, permit.kinds))
            if permit.must_be_used and is_on and not permit.used:
                return UnusedAllowanceError(
                    f"{permit.words} permits a {permit.kinds_text}, and there was none: "
                    "take it away"
                )
        return None


class Run(Protocol):
    """What the rulings ask of the run: a rig."""

    config: pytest.Config
    settings: Settings
    origins: Origins
    missed: MissedAwaits | None
    is_whole: bool

    def is_stopping(self) -> bool: ...


class Rulings:
    """Rules on what the checks of a run found."""

    def __init__(self, rig: Run) -> None:
        self._rig = rig
        # test id -> its settings where a mark changes them, while something of it may turn up
        self._settings_of: dict[str, Settings] = {}

    @functools.cached_property
    def _is_traced(self) -> bool:
        """Whether pytest has each test called in its debugger."""
        return bool(self._rig.config.getoption("trace", False))

    def note(self, nodeid: str, settings: Settings) -> None:
        """A test begins, with settings that are not the run's."""
        self._settings_of[nodeid] = settings

    @property
    def have_noted(self) -> bool:
        """Whether a test had settings that are not the run's."""
        return bool(self._settings_of)

    def forget(self, but: Iterable[str | None] = ()) -> None:
        """Nothing of the tests so far can turn up any more, ``but`` of these."""
        kept = {test: self._settings_of[test] for test in but if test in self._settings_of}
        self._settings_of = kept

    def settings_of(self, test: str | None) -> Settings:
        """The settings of a test that is over; those of the run where it had no others."""
        return self._settings_of.get(test or "", self._rig.settings)

    def of_test(self, watch: Watch, found: Iterable[Missed]) -> list[Finding]:
        """The findings of the running test."""
        ruled = [
            self.of_one(watch, self._described(missed, watch, times), missed.permit)
            for missed, times in _counted(found)
        ]
        return [finding for finding in merge(ruled) if finding.policy is not Policy.OFF]

    def of_one(self, watch: Watch, finding: Finding, permit: object = None) -> Finding:
        """One finding of the running test, under its block's permission or a mark's."""
        marks = (permit for permit in watch.permits if permit.covers(finding))
        return _permitted(finding, permit or next(marks, None), watch.settings)

    def of_run(self, found: Iterable[Missed]) -> list[Finding]:
        """The findings that turned up outside of the test that made them."""
        return self.of_others(
            (self._described(missed, None, times), missed.permit)
            for missed, times in _counted(found)
            if not missed.was_kept or self._is_judged(missed.place)
        )

    def of_others(self, found: Iterable[tuple[Finding, object]]) -> list[Finding]:
        """The findings, each with its permission, that belong to other tests than the running."""
        strays: list[Finding] = []
        for finding, permit in found:
            settings = self.settings_of(finding.place.test)
            ruled = _permitted(finding, permit or _standing(settings), settings)
            if ruled.policy is not Policy.OFF:
                strays.append(ruled)
        return merge(strays)

    def _is_judged(self, place: Place) -> bool:
        return self._rig.is_whole or (place.test is not None and not self._rig.is_stopping())

    def _described(self, missed: Missed, watch: Watch | None, times: int) -> Finding:
        assert self._rig.missed is not None
        finding = self._rig.missed.finding(missed, times)
        if missed.is_body and missed.place.test is not None and missed.code is not None:
            told = never_ran.finding(
                self._rig.origins,
                missed.place,
                missed.place.test.rpartition("::")[2],
                missed.code,
                started=False,
                given_to=missed.given_to,
                is_traced=self._is_traced,
            )
            details = () if self._is_traced else finding.details
            finding = replace(told, details=told.details + details, count=times)
        if watch is None:
            return finding
        watch.told_never_ran |= missed.is_body
        standing = standing_filter(watch.item, missed.hidden_by, self._rig.origins)
        return replace(finding, details=(*finding.details, *([standing] if standing else ())))


def _standing(settings: Settings) -> Permit | None:
    """What the marks of a test that is over permit."""
    return Permit(settings.allowed, MARKER) if settings.allowed else None


def _counted(found: Iterable[Missed]) -> list[tuple[Missed, int]]:
    """What was not awaited, each of the same facts once: words take long to find."""
    counts: dict[Missed, tuple[Missed, int]] = {}
    for missed in found:
        key = missed._replace(hidden_by=id(missed.hidden_by))  # anything may be in a filter
        first, times = counts.get(key, (missed, 0))
        counts[key] = first, times + 1
    return list(counts.values())


def _permitted(finding: Finding, permit: object, settings: Settings) -> Finding:
    finding = replace(finding, policy=settings.policies[finding.kind])
    if isinstance(permit, Permit) and permit.covers(finding):
        permit.used = True
        return replace(finding, permitted=permit.words)
    return finding
