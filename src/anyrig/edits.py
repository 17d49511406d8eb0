"""Edits made: the text of a file with what its findings ask for.

The one place that knows what an `anyrig.findings.Edit` means. A text is as it stands in the file,
with its own ends of lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from .findings import Edit

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|$)")


class Stale(Exception):
    """What an edit replaces does not stand there any more, or another one replaces it, too."""


def edited(text: str, edits: Iterable[Edit]) -> str:
    """The text of one file with the edits made; equal ones are made once.

    Raises `Stale`, and then none is made.
    """
    starts = [0, *(match.end() for match in _LINE.finditer(text))]
    spans = sorted({_span(text, starts, edit) for edit in edits})
    pieces: list[str] = []
    done = 0
    for begin, end, new in spans:
        if begin < done or (pieces and begin == done and begin == end):
            raise Stale(f"two edits at {text[begin : begin + 40]!r}")
        pieces += [text[done:begin], new]
        done = end
    return "".join([*pieces, text[done:]])


def _span(text: str, starts: list[int], edit: Edit) -> tuple[int, int, str]:
    if not 0 < edit.line < len(starts):
        raise Stale(f"no line {edit.line}")
    begin = starts[edit.line - 1] + edit.column
    newline = _newline(text)
    old, new = (part.replace("\n", newline) for part in (edit.old, edit.new))
    if begin > len(text) or not text.startswith(old, begin):
        raise Stale(f"line {edit.line} has another text than {edit.old!r}")
    return begin, begin + len(old), new


def _newline(text: str) -> str:
    """How the lines of a text end: as the first of them does."""
    first = re.search(r"\r\n|\r|\n", text)
    return first[0] if first else "\n"
