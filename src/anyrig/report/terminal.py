"""The section at the end of the run: counts for each kind, and the next command to type."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import pytest

from .. import safe
from ..columns import wrapped
from ..findings import Finding, Kind, Policy
from ..own import os
from . import words
from .jsonl import ReportFile

_WARNINGS = 100  # different ones that are told
_TESTS = 3  # of those that have a warning
_UNWRITTEN = 50  # findings that are told where a report lacks them
_TYPED = 1000  # characters of a command that are still typed


def write_section(
    terminal: pytest.TerminalReporter,
    findings: Sequence[Finding],
    report: ReportFile | None,
    interrupted: Iterable[str],
) -> None:
    """Write the section of all findings; ``report`` is the file that has them too, if one does.

    Before them, the lines that say what Ctrl-C has interrupted.
    """
    terminal.section("anyrig", sep="=", bold=True)
    for line in (*interrupted, *_lines(findings, report)):
        terminal.line(line)


def _lines(findings: Sequence[Finding], report: ReportFile | None) -> Iterator[str]:
    live = [finding for finding in findings if finding.permitted is None]
    for kind in Kind:
        of_kind = [finding for finding in live if finding.kind is kind]
        if of_kind:
            yield _count(kind, of_kind)
            if kind is Kind.LEAKED_TASK:
                yield from _shared([one for one in of_kind if one.policy is not Policy.WARN])
    permitted = [f for f in findings if f.permitted is not None]
    for word, meaning in words.SPARED.items():
        number = sum(f.count for f in permitted if f.permitted == word)
        if number:
            yield f"{word}: {number} {meaning}"
    number = sum(f.count for f in permitted if f.permitted not in words.SPARED)
    if number:
        yield f"permitted: {number} by an allowance"
    yield from _warnings([finding for finding in live if finding.policy is Policy.WARN])
    failing = [f for f in live if f.is_failing and f.place.test is not None]
    if failing:
        yield f"next: pytest {quoted(_typable(str(failing[0].place.test)))}"
    if report is not None and report.problem is None:
        yield f"all of it: {safe.line(str(report.path))}"
    elif report is not None:
        yield from incomplete(report)


def quoted(text: str, system: str = os.name) -> str:
    """One argument of a command, as it is typed on this system: cmd.exe knows no single quotes."""
    return subprocess.list2cmdline([text]) if system == "nt" else shlex.quote(text)


def incomplete(report: ReportFile) -> Iterator[str]:
    """That a report lacks findings, why, and which."""
    number = len(report.unwritten)
    yield (
        f"incomplete: {safe.line(str(report.path))}: {report.problem}; "
        f"{number} finding{'s'[: number != 1]} could not be written:"
    )
    for finding in report.unwritten[:_UNWRITTEN]:
        text = f"{finding.kind.value}: {words.summary(finding)}"
        yield from wrapped(text, "  ", "    ")
    if number > _UNWRITTEN:
        yield f"  and {number - _UNWRITTEN} more"


def _typable(test: str) -> str:
    """A test's id as one can type it: without its parameters where these can't be."""
    return test if safe.line(test, _TYPED) == test else safe.line(test.partition("[")[0])


def _warnings(findings: Sequence[Finding]) -> Iterator[str]:
    """Each warning once, with the tests that have it."""
    causes = list(_by_cause(findings).values())
    for of_cause in causes[:_WARNINGS]:
        number = sum(finding.count for finding in of_cause)
        tests = list(dict.fromkeys(one.place.test for one in of_cause if one.place.test))
        what = words.summary(replace(of_cause[0], count=number))
        yield from wrapped(f"warning: {what}", then="  ")
        if tests:
            yield from _tests(tests)
    if len(causes) > _WARNINGS:
        yield f"and {len(causes) - _WARNINGS} warnings more"


def _tests(tests: Sequence[str]) -> Iterator[str]:
    """The tests that have a warning, a line each; of many, the first."""
    named = list(map(safe.line, tests[:_TESTS]))
    more = len(tests) - len(named)
    yield from (f"  in {test}" for test in named)
    if more:
        yield f"  and {more} tests more"


def _shared(findings: Sequence[Finding]) -> Iterator[str]:
    """The causes that more than one test has, those of most tests first."""
    tests = {
        cause: len({finding.place.test for finding in of_cause})
        for cause, of_cause in _by_cause(findings).items()
    }
    for cause, number in sorted(tests.items(), key=lambda one: -one[1]):
        if number > 1:
            yield from wrapped(f"{number} tests: {cause}", "  ", "    ")


def _by_cause(findings: Sequence[Finding]) -> dict[str, list[Finding]]:
    """The findings by what they say, however often each was."""
    causes: dict[str, list[Finding]] = {}
    for finding in findings:
        causes.setdefault(words.summary(replace(finding, count=1)), []).append(finding)
    return causes


def _count(kind: Kind, findings: list[Finding]) -> str:
    number = sum(finding.count for finding in findings)
    tests = len({finding.place.test for finding in findings} - {None})
    policies = sorted({finding.policy.value for finding in findings})
    where = f" in {tests} test{'s'[: tests != 1]}" if tests else ""
    return f"{kind.value}: {number}{where} ({', '.join(policies)})"
