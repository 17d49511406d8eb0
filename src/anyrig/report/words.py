"""One finding as text: what and where, why it matters, what to type, how to allow it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from .. import columns, safe
from ..columns import TERMINAL, wrapped
from ..findings import ERRORS, Finding, FindingError, Kind, Origin
from ..own import traceback

_TRACEBACK = 400  # lines of the traceback of what is told beside a failure
_BLOCKS = 50  # findings that are told in full in one text
_NAMED = 3  # of what a line has made beside the first
CODE = "    "  # what begins a line of code in `Finding.mend`

_WHY = {
    Kind.MISSED_AWAIT: "its body never ran, so whatever the test relies on did not happen",
    Kind.NEVER_RAN: "this test is green without having run",
    Kind.WRONG_BACKEND: "what it shows, it shows of another backend",
    Kind.LEAKED_TASK: "it goes on beside the next test, or dies with its loop and nobody sees how",
    Kind.LOST_EXCEPTION: "something went wrong in it, and the test knows nothing of it",
    Kind.LEAKED_ASYNCGEN: "its cleanup runs at some later moment, or never",
    Kind.LEAKED_THREAD: "it goes on beside the next test",
    Kind.BLOCKED_LOOP: "no other task, no timeout and no cancellation could run meanwhile",
    Kind.DEADLOCK: "it would have waited for ever",
    Kind.WRONG_THREAD: "the loop was not told, and sleeps on until something else wakes it",
    Kind.TIMEOUT: "it was stopped; what it was to show it has not shown",
    Kind.UNUSED_STUB: "the test says what it gives, and nothing asks for that",
    Kind.LEAKED_CONTEXTVAR: "the next test starts with it, and depends on the order of the tests",
}
# what each of these says of itself tells it apart
_BY_THEIR_WORDS = frozenset({Kind.LOST_EXCEPTION, Kind.WRONG_BACKEND, Kind.NEVER_RAN})

# what is said in `Finding.permitted`, where no allowance permits it, and what it means in words
SPARED = {
    "rerun": "in a test that was run again",
    "xfail": "in a test that is expected to fail",
}


def text(findings: Sequence[Finding]) -> str:
    """The findings as they stand in a failing test: one alone, several counted."""
    blocks = ["\n".join(block(finding)) for finding in findings[:_BLOCKS]]
    if len(findings) == 1:
        return blocks[0]
    if len(findings) > _BLOCKS:
        blocks.append(f"... and {len(findings) - _BLOCKS} more; --anyrig-report has them all")
    numbered = (f"{number}. {block}" for number, block in enumerate(blocks, start=1))
    return "\n\n".join(["\n".join(wrapped(headline(findings), then="  ")), *numbered])


def error(findings: Sequence[Finding], *, after: str = "") -> FindingError:
    """What a test fails with for these findings: the class of the first one's kind."""
    return ERRORS[findings[0].kind](text(findings) + after, findings)


def of_late(error: BaseException) -> str:
    """What the end of an event loop raised, for a test that fails for something else."""
    if isinstance(error, FindingError):  # it was raised nowhere that tells anything
        return str(error)
    name = f"{type(error).__name__} (what it says could not be had)"
    said = safe.told(lambda: "".join(traceback.format_exception(error)), name)
    return safe.block(said.rstrip(), _TRACEBACK)


def headline(findings: Sequence[Finding]) -> str:
    """The one line that stands for all of the findings, in pytest's short summary."""
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    return summary(findings[0]) + more


def short(findings: Sequence[Finding], test: str | None = None) -> str:
    """The same for pytest's short summary, which shows its first words alone.

    So what tells it apart comes first: the name, the line (of the file that ``test`` is in).
    """
    finding = findings[0]
    text, origin = headline(findings), finding.origin
    if text.startswith("`") or finding.kind in _BY_THEIR_WORDS:
        return text
    named = re.match(r"(?:the|a) ([a-z ]+) (`[^`]+`)", text)
    if named is not None:
        return f"{named[2]} ({named[1]}){text.removeprefix(named[0])}"
    if origin is None:
        return text
    is_tests = test is not None and test.partition("::")[0] == origin.path.replace("\\", "/")
    place = f"line {origin.lineno}" if is_tests else str(origin)
    return f"{place}: {text.replace(f' ({origin})', '', 1)}"


def summary(finding: Finding) -> str:
    """One line: what happened, how often, and where."""
    times = f", {finding.count} times" if finding.count > 1 else ""
    place = f" ({finding.origin})" if finding.origin is not None else ""
    return f"{finding.summary}{times}{place}"


def fault(finding: Finding) -> tuple[object, ...] | None:
    """What the findings of several tests have in common that are told alike; None for one alone.

    What has a picture is told of each test: no two are the same.
    """
    origin = finding.origin
    if origin is None or finding.picture:
        return None
    return (finding.kind, origin.path, origin.lineno, origin.source, finding.what, finding.mend)


def again(finding: Finding, test: str) -> Iterator[str]:
    """The lines of one finding whose like is told in full of another test."""
    yield from wrapped(summary(finding), then="  ")
    yield ""
    if finding.origin is not None:
        yield from _place(finding.origin)
        yield ""
    yield from mend_lines(finding.mend)
    yield from wrapped(test, "more:   see ", " " * 8, cuts=False)


def block(finding: Finding) -> Iterator[str]:
    """The lines of one finding."""
    yield from wrapped(summary(finding), then="  ")
    yield ""
    if finding.origin is not None:
        yield from _place(finding.origin)
        yield ""
    yield from wrapped(f"{finding.what}: {_WHY[finding.kind]}")
    for detail in (*finding.details, *_others(finding)):
        yield from wrapped(detail, "- ", "  ")
    if finding.picture:
        yield ""
        yield from columns.fitted(finding.picture, TERMINAL)
    yield ""
    if finding.trace:
        yield from (f"  {line}" for line in columns.fitted(finding.trace, TERMINAL - 2))
        yield ""
    yield from mend_lines(finding.mend)
    if finding.place.test is not None:
        yield f'allow:  @pytest.mark.anyrig(allow=["{finding.kind.value}"])'


def mend_lines(mends: Sequence[str]) -> Iterator[str]:
    """What to type, as `Finding.mend` has it."""
    label = "mend:   "
    is_code_alone = all(mend.startswith(CODE) for mend in mends)
    for mend in mends:
        if mend.startswith(CODE):  # to be copied: never wrapped
            yield label + (mend.removeprefix(CODE) if is_code_alone else mend)
        else:
            yield from wrapped(mend, label, " " * len(label))
        label = " " * len(label)


def _others(finding: Finding) -> Iterator[str]:
    """What else the same line has made, of which this is told as well."""
    others = finding.others
    if others:
        more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
        yield f"also {', '.join(others[:_NAMED])}{more}"


def _place(origin: Origin) -> Iterator[str]:
    # the chain is printed as tracebacks are: the call first, the line that did it last
    for frame in (*reversed(origin.chain), f"{origin} in {origin.function}"):
        yield "  " + columns.place(str(frame), TERMINAL - 2)
    if origin.source:
        yield "  " + columns.code(columns.CODE + origin.source, TERMINAL - 2)
    if origin.inside is not None:
        yield " " * 6 + columns.place(f"made inside {origin.inside}", TERMINAL - 6)
