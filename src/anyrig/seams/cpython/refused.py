"""Which instruction has refused to await, enter or iterate something, and where that stands.

Problem: a `TypeError` with Python's words for that may come from elsewhere: raised by hand, held by
a future. Up to Python 3.12 the place of ``async with a(), b()`` is the whole statement, too.
Approach: the innermost instruction of the traceback is the refusal, or is not. ``GET_AWAITABLE``,
``BEFORE_ASYNC_WITH`` (from Python 3.14 on ``LOAD_SPECIAL``, for ``__aexit__`` and ``__aenter__``)
and ``GET_AITER`` say which; of several items of one statement it is that of the same number.
Seen on CPython 3.11 to 3.15.
"""

from __future__ import annotations

import dis
from itertools import islice
from types import CodeType, TracebackType
from typing import NamedTuple, TypeAlias

from ...own import linecache

_Place: TypeAlias = "tuple[int | None, int | None, int | None, int | None]"

_NOWHERE: _Place = (None, None, None, None)
_KEYWORDS = {
    "GET_AWAITABLE": "await",
    "BEFORE_ASYNC_WITH": "async with",
    "GET_AITER": "async for",
}
_ENTERING = ("__aenter__", "__aexit__")


class Refusal(NamedTuple):
    """The keyword, the source text of the instruction's place, and which item of it was refused."""

    keyword: str
    text: str
    item: int


def refusal(traceback: TracebackType) -> Refusal | None:
    """The refusal that the innermost frame of a traceback is about; None where it is another."""
    code, offset = traceback.tb_frame.f_code, traceback.tb_lasti
    keyword = _keyword(code, offset)
    place = next(islice(code.co_positions(), offset // 2, None), _NOWHERE)
    text = None if keyword is None else _text(code.co_filename, place)
    if keyword is None or text is None:
        return None
    return Refusal(keyword, text, _number(code, offset, place))


def _keyword(code: CodeType, offset: int) -> str | None:
    name = dis.opname[code.co_code[offset]]
    if name != "LOAD_SPECIAL":
        return _KEYWORDS.get(name)
    here = (one.argrepr for one in dis.get_instructions(code) if one.offset == offset)
    return "async with" if next(here, "") in _ENTERING else None


def _number(code: CodeType, offset: int, place: _Place) -> int:
    """How many instructions of the same kind and place come before this one."""
    names = code.co_code[::2]
    kind = code.co_code[offset]
    positions = islice(code.co_positions(), offset // 2)
    return sum(one == place and names[at] == kind for at, one in enumerate(positions))


def _text(filename: str, place: _Place) -> str | None:
    """The source text of a place, with the blanks before it."""
    first, last, begin, end = place
    if first is None or last is None or begin is None or end is None:
        return None
    # the columns count bytes
    lines = [linecache.getline(filename, number).encode() for number in range(first, last + 1)]
    text = b"".join([*lines[:-1], lines[-1][:end]])[begin:].decode(errors="replace")
    return " " * max(begin, 1) + text
