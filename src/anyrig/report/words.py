"""One finding as text: what and where, why it matters, what to type, how to allow it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .. import columns, safe
from ..columns import TERMINAL, wrapped
from ..findings import ERRORS, Finding, FindingError, Kind, Origin
from ..own import traceback

_TRACEBACK = 400  # lines of the traceback of what is told beside a failure
_BLOCKS = 50  # findings that are told in full in one text
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
    Kind.TIMEOUT: "it was stopped; what it was to show it has not shown",
    Kind.UNUSED_STUB: "the test says what it gives, and nothing asks for that",
    Kind.LEAKED_CONTEXTVAR: "the next test starts with it, and depends on the order of the tests",
}


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
    return "\n\n".join([headline(findings), *numbered])


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


def summary(finding: Finding) -> str:
    """One line: what happened, how often, and where."""
    times = f", {finding.count} times" if finding.count > 1 else ""
    place = f" ({finding.origin})" if finding.origin is not None else ""
    return f"{finding.summary}{times}{place}"


def block(finding: Finding) -> Iterator[str]:
    """The lines of one finding."""
    # a line that was broken may begin with what is safe only in the middle of one
    return map(safe.line, _block(finding))


def _block(finding: Finding) -> Iterator[str]:
    yield from wrapped(summary(finding), then="  ")
    yield ""
    if finding.origin is not None:
        yield from _place(finding.origin)
        yield ""
    yield from wrapped(f"{finding.what}: {_WHY[finding.kind]}")
    for detail in finding.details:
        yield from wrapped(detail, "- ", "  ")
    if finding.picture:
        yield ""
        yield from columns.fitted(finding.picture, TERMINAL)
    yield ""
    if finding.trace:
        yield from (f"  {line}" for line in columns.fitted(finding.trace, TERMINAL - 2))
        yield ""
    label = "mend:   "
    is_code_alone = all(mend.startswith(CODE) for mend in finding.mend)
    for mend in finding.mend:
        if mend.startswith(CODE):  # to be copied: never wrapped
            yield label + (mend.removeprefix(CODE) if is_code_alone else mend)
        else:
            yield from wrapped(mend, label, " " * len(label))
        label = " " * len(label)
    if finding.place.test is not None:
        yield f'allow:  @pytest.mark.anyrig(allow=["{finding.kind.value}"])'


def _place(origin: Origin) -> Iterator[str]:
    # the chain is printed as tracebacks are: the call first, the line that did it last
    for frame in (*reversed(origin.chain), f"{origin} in {origin.function}"):
        yield "  " + columns.place(str(frame), TERMINAL - 2)
    if origin.source:
        yield "  " + columns.code(columns.CODE + origin.source, TERMINAL - 2)
    if origin.inside is not None:
        yield " " * 6 + columns.place(f"made inside {origin.inside}", TERMINAL - 6)
