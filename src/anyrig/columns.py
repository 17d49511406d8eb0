"""Lines that fit a terminal of 80 columns.

What is too long is wrapped, or shortened where it is a source line or a place.
Code that is to be typed never goes through here: who copies it needs all of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from .own import textwrap

TERMINAL = 80
WIDTH = 78  # of running text
CODE = ">   "  # what begins a source line that is shown
_PLACE = r"\S.*:\d+ in \S+"  # a text and no pattern: only a report needs it
_NAME = 8  # characters of a name that are worth showing
LEAST = 20  # columns that a line has at the least, however deep it stands


def code(text: str, room: int) -> str:
    """A source line: of a long one, its beginning."""
    return text if len(text) <= room else text[: max(room - 3, 0)] + "..."


def place(text: str, room: int) -> str:
    """A place, ``path:12 in function``: of a long name, its beginning, of a long path, its end."""
    if len(text) <= room:
        return text
    path, _, function = text.rpartition(" in ")
    left = room - len(path) - len(" in ")
    if path and left > len("...") + _NAME:
        return f"{path} in {code(function, left)}"
    return "..." + text[3 - room :]


def wrapped(
    text: str, first: str = "", then: str = "", width: int = WIDTH, *, cuts: bool = True
) -> list[str]:
    """A text as lines, each begun with these; ``cuts`` what has no blank to be broken at in two."""
    if len(first) + len(text) <= width and text:
        return [first + text]
    lines = textwrap.wrap(
        text,
        max(width, len(then) + LEAST),
        initial_indent=first,
        subsequent_indent=then,
        break_long_words=cuts,
        break_on_hyphens=False,
    )
    return list(map(_unordered, lines))


def _unordered(line: str) -> str:
    """A line that has been broken: what is safe in the middle of one may begin it as an order."""
    text = line.lstrip()
    if not text.startswith(("::", "##")):
        return line
    return f"{line[: -len(text)]}\\x{ord(text[0]):02x}{text[1:]}"


def fitted(lines: Iterable[str], room: int) -> Iterator[str]:
    """The lines of a picture or a trace, in so many columns."""
    room = max(room, LEAST)
    for line in lines:
        if len(line) <= room:
            yield line
        elif line.lstrip().startswith(CODE):
            yield code(line, room)
        elif re.fullmatch(_PLACE, line):
            yield place(line, room)
        else:
            yield from wrapped(line, then="  ", width=room)
