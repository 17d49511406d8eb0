"""One finding as text: every part that it can have, and every part that it can lack."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given

from anyrig.findings import Finding, Frame, Kind, Origin, Phase, Place
from anyrig.report import words
from arbitrary import findings, unhurried

PLACE = Place("test_it.py::test_it", Phase.CALL)
ORIGIN = Origin(
    path="test_it.py",
    lineno=9,
    function="helper",
    source="save(1)",
    chain=(Frame("test_it.py", 14, "middle"), Frame("test_it.py", 20, "test_it")),
    inside=Frame("lib/site-packages/lib.py", 3, "call"),
)
FULL = Finding(
    kind=Kind.MISSED_AWAIT,
    place=PLACE,
    what="the coroutine `save`",
    summary="`save(1)` was never awaited",
    origin=ORIGIN,
    details=("a detail " * 15, "another"),
    mend=("in words " * 12, f"    await save({', '.join(['a_long_argument'] * 5)})"),
    count=3,
)

FULL_TEXT = """\
`save(1)` was never awaited, 3 times (test_it.py:9)

  test_it.py:20 in test_it
  test_it.py:14 in middle
  test_it.py:9 in helper
  >   save(1)
      made inside site-packages/lib.py:3 in call

the coroutine `save`: its body never ran, so whatever the test relies on did
not happen
- a detail a detail a detail a detail a detail a detail a detail a detail a
  detail a detail a detail a detail a detail a detail a detail
- another

mend:   in words in words in words in words in words in words in words in
        words in words in words in words in words
            await save({arguments})
allow:  @pytest.mark.anyrig(allow=["missed_await"])""".format(
    arguments=", ".join(["a_long_argument"] * 5)
)


def test_every_part() -> None:
    """What and where, the way from the test to the line, why it matters, what to type."""
    assert words.text([FULL]) == FULL_TEXT


def test_least_parts() -> None:
    """A finding without an origin, without details and without a mend still says what and why."""
    bare = Finding(Kind.NEVER_RAN, PLACE, "the test `test_it`", "the body never ran")
    assert words.text([bare]) == (
        "the body never ran\n\nthe test `test_it`: this test is green without having run\n\n"
        'allow:  @pytest.mark.anyrig(allow=["never_ran"])'
    )


def test_no_test_no_mark() -> None:
    """Where no test made it, no mark on a test is proposed."""
    bare = Finding(Kind.MISSED_AWAIT, Place(None, Phase.COLLECT), "x", "x")
    assert "allow:" not in words.text([bare])


def test_several_are_counted() -> None:
    """Several findings are numbered below a headline that counts them."""
    text = words.text([FULL, FULL])
    headline = "`save(1)` was never awaited, 3 times (test_it.py:9)"
    assert text.startswith(f"{headline} (and 1 more)\n\n1. {headline}\n")
    assert f"\n\n2. {headline}\n" in text


def test_summary_of_one_is_not_counted() -> None:
    """One is not "1 times"."""
    one = Finding(Kind.MISSED_AWAIT, PLACE, "x", "`x()` was never awaited", ORIGIN)
    assert words.summary(one) == "`x()` was never awaited (test_it.py:9)"


@pytest.mark.parametrize("kind", list(Kind))
def test_each_kind_says_why_it_matters(kind: Kind) -> None:
    """No kind is without its reason."""
    assert words.text([Finding(kind, PLACE, "it", "summary")]).count("it: ") == 1


@unhurried
@given(findings)
def test_any_finding_has_a_text(finding: Finding) -> None:
    """Whatever a finding holds, it can be told."""
    told, text = "".join(finding.summary.split()), "".join(words.text([finding]).split())
    assert told in text


@unhurried
@given(findings)
def test_any_finding_fits_the_terminal(finding: Finding) -> None:
    """No line of it is longer than 80 columns, but for code that is to be typed."""
    text = words.text([dataclasses.replace(finding, mend=())])
    assert [line for line in text.split("\n") if len(line) > 80] == []
