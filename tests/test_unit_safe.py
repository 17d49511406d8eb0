"""Names and texts made safe to print: what is escaped, what is cut, and what is left as it is."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyrig import safe
from anyrig.checks import lost_exception
from anyrig.findings import Finding, FindingError, Frame, Kind, Origin, Phase, Place
from anyrig.losses import Loss, Way
from anyrig.origins import Origins
from anyrig.report import words
from arbitrary import unhurried

EVIL = "\x1b[2J\x1b[31mEVIL\n::error::injected\x07\x00\x9b31m\u202e\udce9\u2028"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", r"\x1b[2J"),
        ("a\nb\rc\x00\x07", r"a\nb\rc\x00\x07"),
        ("\x9b31m\x85", r"\x9b31m\x85"),
        ("\u202e\u2066\u2028\u200b\ufeff", r"\u202e\u2066\u2028\u200b\ufeff"),
        ("bad \udce9.txt", r"bad \udce9.txt"),
        ("::error file=a.py,line=1::x", r"\x3a:error file=a.py,line=1::x"),
        ("  ::stop-commands::x", r"  \x3a:stop-commands::x"),
        ("a ::set-output name=x::y", r"a \x3a:set-output name=x::y"),
        ("##[error]x", r"\x23#[error]x"),
        ("x ##vso[task.x]", r"x \x23#vso[task.x]"),
        ("##teamcity[x]", r"\x23#teamcity[x]"),
    ],
)
def test_escaped(text: str, shown: str) -> None:
    """Controls are escaped as `repr` does it, and what a forge takes for an order is spoiled."""
    assert safe.line(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "tests/test_it.py::TestIt::test_it[a::b]",
        "values[::2, ::-1], rows[a, ::step]",
        "## a heading",
        "café — naïve 日本語 🐍\ttab",
        r"a\nb",
        "",
    ],
)
def test_left_as_it_is(text: str) -> None:
    """What is harmless is not touched."""
    assert safe.line(text) == text


@unhurried
@given(st.text(max_size=60), st.integers(10, 40))
def test_twice_is_once(text: str, most: int) -> None:
    """To make a text safe once more changes nothing; it has its limit, and is printable."""
    once = safe.line(text, most)
    assert safe.line(once, most) == once
    assert len(once) <= most
    assert once.replace("\t", "").isprintable()


def test_middle_is_cut() -> None:
    """What is too long loses its middle, and keeps what stands around it."""
    text = safe.line("the task `" + "x" * 3_000_000 + "` is still running")
    assert len(text) == safe.LINE
    assert text.startswith("the task `xxx")
    assert text.endswith("xxx` is still running")


def test_lines_are_counted() -> None:
    """Of too many lines, the rest is counted."""
    assert safe.lines(["a", "b", "c\nd"], 2) == ("a", "... and 2 lines more")
    assert safe.lines(safe.lines(["a"] * 9, 3), 3) == ("a", "a", "... and 7 lines more")
    assert safe.block("a\r\nb\n::debug::c") == "a\nb\n\\x3a:debug::c"


def test_finding_is_safe() -> None:
    """Whatever a finding is made of: each text of it can be printed, and is bounded."""
    frame = Frame(EVIL, 1, EVIL)
    finding = Finding(
        kind=Kind.TIMEOUT,
        place=Place("test_it.py::test_it", Phase.CALL),
        what=EVIL,
        summary=EVIL * 100_000,
        origin=Origin(EVIL, 1, EVIL, EVIL * 100_000, (frame,), frame),
        details=(EVIL,) * 9_000,
        picture=(EVIL,) * 9_000,
        mend=(f"    {EVIL}", EVIL),
        permitted=EVIL,
        trace=(EVIL,) * 9_000,
    )
    text = words.text([finding] * 5_000)
    error = FindingError(text + EVIL, [finding])
    for shown in (*text.split("\n"), *str(error).split("\n"), words.headline([finding])):
        assert shown.isprintable()
        assert not shown.lstrip().startswith(("::", "##["))
    assert len(str(error)) < 1_000_000
    assert len(str(finding.to_json())) < 200_000
    assert Finding.from_json(finding.to_json()) == finding


class _Silent:
    """It never says what it is, until its test is over."""

    over = threading.Event()

    def __repr__(self) -> str:
        self.over.wait()
        return "late"


class _Odd:
    def __repr__(self) -> str:
        raise SystemExit("odd")


class _Number:
    def __repr__(self) -> str:
        return 3  # type: ignore[return-value]


class _Bulky:
    def __repr__(self) -> str:
        return "\x1b" * 3_000_000


def test_values() -> None:
    """A value is told by its own words, or by its class where it has none that can be told."""
    assert safe.value("a\x1bb") == r"'a\x1bb'"
    assert safe.value([1, {"a": (None, b"x")}]) == "[1, {'a': (None, b'x')}]"
    assert safe.value(Place("t", Phase.CALL)).startswith("Place(test='t'")
    assert safe.value(_Odd()) == "<_Odd>"
    assert safe.value(_Number()).startswith("<_Number")
    assert len(safe.value([_Bulky()])) < 1000
    assert safe.value(type("\x1bEvil", (_Odd,), {})()) == r"<\x1bEvil>"


def test_nobody_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who never says what it is costs a moment, once, and nobody else is asked meanwhile."""
    monkeypatch.setattr(_Silent, "over", threading.Event())
    try:
        monkeypatch.setattr(safe, "SECONDS", 0.01)
        error = ValueError(_Silent())
        assert safe.can_be_shown(error)
        assert safe.told(lambda: repr(_Silent()), "silent") == "silent"
        assert not safe.can_be_shown(error)
        assert safe.can_be_shown(ValueError("plain"))
        monkeypatch.setattr(safe, "SECONDS", 3600)
        assert safe.told(lambda: repr(_Silent()), "still silent") == "still silent"
        assert safe.value(3) == "3"
    finally:
        _Silent.over.set()


def test_exceptions_that_say_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lost exception whose text never comes, or is bad or vast, is told all the same."""

    class Lost(Exception):
        def __str__(self) -> str:
            return repr(self.args[0])

    monkeypatch.setattr(_Silent, "over", threading.Event())
    monkeypatch.setattr(safe, "SECONDS", 0.01)
    origins = Origins(Path.cwd())
    place = Place("test_it.py::test_it", Phase.CALL)
    try:
        errors: list[BaseException] = [
            ValueError(EVIL),
            Lost(_Odd()),
            ValueError("x" * 3_000_000),
            ExceptionGroup("many", [ValueError(str(n)) for n in range(5_000)]),
            Lost(_Silent()),
        ]
        for error in errors:
            loss = Loss(Way.TASK, EVIL, error)
            lost = lost_exception.Lost(loss, place, error.__traceback__)
            text = words.text([lost_exception.finding(origins, lost)])
            assert "was lost in the task" in " ".join(text.split())
            assert text.replace("\n", "").isprintable()
            assert len(text) < 10_000
    finally:
        _Silent.over.set()
