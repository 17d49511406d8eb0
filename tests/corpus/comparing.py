"""What a run found and how its tests ended, against what the samples say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from anyrig.report.words import SPARED

from .notation import Expectations
from .running import Run


def findings_differ(run: Run, expected: Expectations) -> list[str]:
    """The findings that are missing and those that nobody marked, a line each."""
    got: Counter[str] = Counter()
    for finding in run.findings:
        got[_line(finding)] += finding["count"]
    wanted: Counter[str] = Counter()
    for found in expected.found:
        line = f"{found.place} {found.kind} in {found.phase} of {found.test}{found.ruling}"
        wanted[line] += found.times or got[line] or 1
    return _differences(wanted, got)


def outcomes_differ(run: Run, expected: Expectations) -> list[str]:
    """The reports that should have failed and did not, or did and should not, a line each."""
    wanted = {
        (found.test or found.place.rpartition(":")[0], found.known): "failed"
        for found in expected.found
        if found.known is not None
    }
    wanted |= dict.fromkeys(expected.fails, "failed")
    wanted |= expected.ends
    got = {(report["node"], report["when"]): _outcome(report) for report in run.reports}
    return _differences(
        Counter(f"{node} {outcome} in {when}" for (node, when), outcome in wanted.items()),
        Counter(
            f"{node} {outcome} in {when}"
            for (node, when), outcome in got.items()
            if outcome != "passed"
        ),
    )


def own_failures_differ(run: Run, expected: Expectations) -> Iterator[str]:
    """The tests that fail by themselves, and whose own failure is not the one that is shown."""
    with_findings = {(found.test, found.known) for found in expected.found}
    for report in run.reports:
        key = report["node"], report["when"]
        error = expected.fails.get(key)
        if error is None:
            continue
        if error not in report["message"].partition("\n")[0]:
            yield f"{key}: wanted {error}, got {report['message'][:200]!r}"
        if key in with_findings and "anyrig" not in report["sections"]:
            yield f"{key}: the finding was not added to the report"


def details_differ(run: Run, expected: Expectations) -> Iterator[str]:
    """The findings whose details do not name the labelled line that they should name."""
    for found in expected.found:
        if found.near is None:
            continue
        place = expected.labels[found.near]
        for finding in run.findings:
            if _place(finding) == found.place and not any(place in d for d in finding["details"]):
                yield f"{found.place}: wanted {place} in {finding['details']}"


def _line(finding: dict[str, Any]) -> str:
    place = finding["place"]
    ruling = " warned" if finding["policy"] == "warn" else ""
    if (why := finding["permitted"]) is not None:
        ruling = f" {why}" if why in SPARED else " permitted"
    return f"{_place(finding)} {finding['kind']} in {place['phase']} of {place['test']}{ruling}"


def _place(finding: dict[str, Any]) -> str:
    origin = finding["origin"]
    return f"{origin['path']}:{origin['lineno']}" if origin is not None else "nowhere"


def _outcome(report: dict[str, Any]) -> str:
    if report["xfail"]:
        return "xfailed" if report["outcome"] == "skipped" else "xpassed"
    return str(report["outcome"])


def _differences(wanted: Counter[str], got: Counter[str]) -> list[str]:
    missing = [f"MISSING {line} x{n}" for line, n in sorted((wanted - got).items())]
    return missing + [f"UNWANTED {line} x{n}" for line, n in sorted((got - wanted).items())]
