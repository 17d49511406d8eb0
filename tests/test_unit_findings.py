"""The vocabulary: findings travel as JSON and come back the same, equal ones are counted."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

import anyrig
from anyrig.findings import (
    ERRORS,
    Finding,
    FindingError,
    Kind,
    Origin,
    Phase,
    Place,
    Policy,
    merge,
)
from anyrig.report import terminal
from arbitrary import findings, unhurried


def test_next_is_a_test_that_fails() -> None:
    """A warning that stands before it is not what to run next."""
    lines: Callable[..., Iterator[str]] = vars(terminal)["_lines"]
    warned = _finding(policy=Policy.WARN, place=Place("test_it.py::test_warns", Phase.CALL))
    failing = _finding(place=Place("test_it.py::test_fails", Phase.CALL))
    said = [line for line in lines([warned, failing], None) if line.startswith("next: ")]
    assert said == ["next: pytest test_it.py::test_fails"]


@unhurried
@given(findings)
def test_json_there_and_back(finding: Finding) -> None:
    """What is written as JSON and read again is equal, whatever it holds."""
    assert Finding.from_json(json.loads(json.dumps(finding.to_json()))) == finding


@unhurried
@given(findings)
def test_json_is_plain(finding: Finding) -> None:
    """The JSON has the words that users write, and a key for each field."""
    data = json.loads(json.dumps(finding.to_json()))
    assert set(data) == {field.name for field in dataclasses.fields(Finding)}
    assert data["kind"] == finding.kind.value
    assert data["policy"] == finding.policy.value
    assert data["place"] == {"test": finding.place.test, "phase": finding.place.phase.value}


@unhurried
@given(st.lists(findings, max_size=8))
def test_merge_loses_nothing(found: list[Finding]) -> None:
    """Merging keeps the sum of the counts and the order, and a second time changes nothing."""
    merged = merge(found)
    assert sum(one.count for one in merged) == sum(one.count for one in found)
    assert merge(merged) == merged
    places = [found.index(next(f for f in found if f.what == one.what)) for one in merged]
    assert len(places) == len(merged)


def _finding(**changes: object) -> Finding:
    origin = Origin("test_it.py", 3, "test_it", "save()")
    one = Finding(Kind.MISSED_AWAIT, Place("test_it", Phase.CALL), "save", "summary", origin)
    return dataclasses.replace(one, **changes)  # type: ignore[arg-type]


def test_equal_ones_are_counted() -> None:
    """The same line in a loop is one finding with a count."""
    assert merge([_finding(), _finding(count=2), _finding()]) == [_finding(count=4)]


def test_those_of_one_line_are_one() -> None:
    """What one line makes with other values is one finding, which names the others."""
    saved = [_finding(summary=f"`save({number})` was never awaited") for number in (1, 2, 2, 3)]
    merged = merge(saved)
    assert merged == [dataclasses.replace(saved[0], count=4, others=("`save(2)`", "`save(3)`"))]
    again = merge([*merged, _finding(summary="`save(4)` was never awaited"), saved[0]])
    assert [(one.count, one.others) for one in again] == [
        (6, ("`save(2)`", "`save(3)`", "`save(4)`"))
    ]


@pytest.mark.parametrize("kind", [Kind.LEAKED_TASK, Kind.LEAKED_THREAD])
def test_numbers_in_a_name_tell_nothing_apart(kind: Kind) -> None:
    """Ten workers that one line has started are one finding; two names are two."""
    origin = Origin("test_it.py", 7, "test_it", "start()")
    left = [_finding(kind=kind, what=f"the `worker {n}`", origin=origin) for n in (1, 2)]
    other = _finding(kind=kind, what="the `reader 1`", origin=origin)
    assert [one.count for one in merge([*left, other])] == [2, 1]


def test_of_very_many_some_are_named() -> None:
    """However many values a line met, a finding holds a few."""
    many = [_finding(summary=f"`save({number})` was never awaited") for number in range(1000)]
    (merged,) = merge(many)
    assert (merged.count, len(merged.others)) == (1000, 20)


def test_lost_ones_are_told_apart_by_their_class() -> None:
    """The same line that raised two kinds of errors is two findings; two texts of one are one."""
    texts = ("ValueError: 1", "ValueError: 2", "KeyError: 1", "ValueError")
    lost = [
        _finding(kind=Kind.LOST_EXCEPTION, summary=f"{text} was lost in the task `work`")
        for text in texts
    ]
    assert [(one.count, one.others) for one in merge(lost)] == [
        (3, ("ValueError: 2", "ValueError")),
        (1, ()),
    ]


def test_calls_that_are_mended_apart_stay_apart() -> None:
    """Two calls on one line are two things to type."""
    mends = ("    pair(await save(1), save(2))", "    pair(save(1), await save(2))")
    assert len(merge([_finding(mend=(mend,)) for mend in mends])) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"kind": Kind.NEVER_RAN},
        {"place": Place("test_it", Phase.SETUP)},
        {"place": Place("other", Phase.CALL)},
        {"what": "load"},
        {"origin": None},
        {"permitted": "allow()"},
    ],
)
def test_different_ones_are_not_one(change: dict[str, object]) -> None:
    """What differs in kind, place, thing, line or permission stays apart."""
    assert len(merge([_finding(), _finding(**change)])) == 2


@pytest.mark.parametrize(
    ("policy", "permitted", "fails"),
    [
        (Policy.FAIL, None, True),
        (Policy.FAIL, "allow()", False),
        (Policy.WARN, None, False),
        (Policy.OFF, None, False),
    ],
)
def test_what_fails(policy: Policy, permitted: str | None, fails: bool) -> None:
    """A finding fails its test where its policy says so and nothing permits it."""
    assert _finding(policy=policy, permitted=permitted).is_failing is fails


@pytest.mark.parametrize("kind", list(Kind))
def test_each_kind_has_an_error_and_settings(kind: Kind) -> None:
    """Each kind has a public error of its own, an ini option and a marker word."""
    error = ERRORS[kind]
    assert issubclass(error, FindingError)
    assert error.__module__ == "anyrig"
    assert getattr(anyrig, error.__name__) is error
    assert kind.setting == f"anyrig_{kind.marker_word}"


def test_facts_are_frozen() -> None:
    """A finding can't be changed once it is made."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        _finding().count = 2  # type: ignore[misc]


def test_error_carries_its_findings() -> None:
    """The error that a test fails with has the text and the findings."""
    error = anyrig.MissedAwaitError("text", [_finding()])
    assert str(error) == "text"
    assert error.findings == (_finding(),)
