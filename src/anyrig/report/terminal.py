"""The section at the end of the run: counts for each kind, and the next command to type."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..findings import Finding, Kind, Policy
from . import words


class Section:
    """Gathers the findings that are shown at the end of a run."""

    def __init__(self) -> None:
        self._findings: list[Finding] = []

    def add(self, finding: Finding) -> None:
        """Count one more."""
        self._findings.append(finding)

    def write(self, terminal: pytest.TerminalReporter, report: Path | None) -> None:
        """Write it, where there is anything to say."""
        if not self._findings:
            return
        terminal.section("anyrig", sep="=", bold=True)
        for line in self._lines(report):
            terminal.line(line)

    def _lines(self, report: Path | None) -> Iterator[str]:
        live = [finding for finding in self._findings if finding.permitted is None]
        for kind in Kind:
            of_kind = [finding for finding in live if finding.kind is kind]
            if of_kind:
                yield _count(kind, of_kind)
        permitted = sum(f.count for f in self._findings if f.permitted is not None)
        if permitted:
            yield f"permitted: {permitted} by an allowance"
        for finding in live:
            if finding.policy is Policy.WARN:
                yield f"warning: {words.summary(finding)}"
        failing = [f for f in live if f.is_failing and f.place.test is not None]
        if failing:
            yield f"next: pytest {shlex.quote(str(failing[0].place.test))}"
        if report is not None:
            yield f"all of it: {report}"


def _count(kind: Kind, findings: list[Finding]) -> str:
    number = sum(finding.count for finding in findings)
    tests = len({finding.place.test for finding in findings} - {None})
    policies = sorted({finding.policy.value for finding in findings})
    where = f" in {tests} test{'s'[: tests != 1]}" if tests else ""
    return f"{kind.value}: {number}{where} ({', '.join(policies)})"
