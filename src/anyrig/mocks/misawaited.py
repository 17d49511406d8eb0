"""What to write where what a sync double gives is awaited, which is Python's own `TypeError`.

Problem: an object that told more would have to be awaitable, and so look async to whoever asks.
Approach: when a test has failed with that error, its line is read again: the awaited expression, by
the instruction's own place in the source, and whose call it is, along names and plain attributes.
Limits: a double behind a property, an index or another call is not found; nor is one in code whose
source is not there.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from itertools import islice
from linecache import getline
from types import FrameType, TracebackType
from typing import Any, NamedTuple

from ..seams import doubles as seam
from ..seams import unittest_mock

_MISSING = object()


class _Way(NamedTuple):
    """How Python says that a thing can't be awaited, and what to write for one that is sync."""

    text: re.Pattern[str]
    keyword: str
    instead: str


_WAYS = (
    _Way(
        re.compile(r"object .+ can't be used in 'await' expression|'.+' object can't be awaited"),
        "await",
        "without `await`",
    ),
    _Way(
        re.compile(r"'.+' object does not support the asynchronous context manager protocol"),
        "async with",
        "`with` in place of `async with`",
    ),
    _Way(
        re.compile(r"'async for' requires an object with __aiter__ method"),
        "async for",
        "`for` in place of `async for`",
    ),
)


def explain(error: BaseException) -> None:
    """Add a note to each error, in a group too, that comes of awaiting what a sync double gives."""
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            explain(one)
    elif isinstance(error, TypeError) and error.__traceback__ is not None:
        note = _note(str(error), error.__traceback__)
        if note is not None and note not in getattr(error, "__notes__", ()):
            error.add_note(note)


def _note(text: str, traceback: TracebackType) -> str | None:
    way = next((way for way in _WAYS if way.text.match(text)), None)
    if way is None:
        return None
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    for operand in _operands(traceback):
        thing = _resolved(operand, traceback.tb_frame)
        if seam.is_mock(thing) and not unittest_mock.is_async_mock(thing):
            return _words(ast.unparse(operand), thing, way)
    return None


def _operands(traceback: TracebackType) -> Iterator[ast.expr]:
    """What is called in the expression that the failing instruction stands for, or may be."""
    tree = _parsed(_segment(traceback))
    found: list[ast.expr] = []
    if isinstance(tree, ast.Expr):
        found = [tree.value.value if isinstance(tree.value, ast.Await) else tree.value]
    # up to Python 3.12 the whole statement is its place
    elif isinstance(tree, ast.AsyncFor):
        found = [tree.iter]
    elif isinstance(tree, ast.AsyncWith):
        found = [item.context_expr for item in tree.items]
    for one in found:
        yield one.func if isinstance(one, ast.Call) else one


def _segment(traceback: TracebackType) -> str:
    """The source text of the failing instruction, with the blanks before it."""
    code = traceback.tb_frame.f_code
    place = next(islice(code.co_positions(), traceback.tb_lasti // 2, None), (None,) * 4)
    first, last, begin, end = place
    if first is None or last is None or begin is None or end is None:
        return ""
    # the columns count bytes
    lines = [getline(code.co_filename, number).encode() for number in range(first, last + 1)]
    text = b"".join([*lines[:-1], lines[-1][:end]])[begin:].decode(errors="replace")
    return " " * max(begin, 1) + text


def _parsed(text: str) -> ast.stmt | None:
    for source in (text, f" (\n{text}\n )"):
        try:
            tree = ast.parse(f"async def function():\n{source}")
        except SyntaxError:
            continue
        function = tree.body[0]
        return function.body[0] if isinstance(function, ast.AsyncFunctionDef) else None
    return None


def _resolved(expression: ast.expr, frame: FrameType) -> Any:
    """What a dotted name stands for in a frame, without running any code of the user's."""
    if isinstance(expression, ast.Name):
        return frame.f_locals.get(expression.id, frame.f_globals.get(expression.id, _MISSING))
    if not isinstance(expression, ast.Attribute):
        return _MISSING
    owner = _resolved(expression.value, frame)
    if owner is _MISSING:
        return _MISSING
    if seam.is_mock(owner):
        return getattr(owner, expression.attr, _MISSING)  # its code has just asked for it
    found = inspect.getattr_static(owner, expression.attr, _MISSING)
    return seam.behind(found.__func__ if isinstance(found, staticmethod) else found)


def _words(name: str, mock: Any, way: _Way) -> str:
    kind = "double" if unittest_mock.is_double(mock) else type(mock).__name__
    if kind == "double" or unittest_mock.real_is_sync(mock):
        return (
            f"anyrig: `{name}` is a {kind} of what is sync, and this line has `{way.keyword}` for "
            f"it: write it {way.instead}"
        )
    return (
        f"anyrig: `{name}` is a {kind}, which is sync, and nothing says what it stands for. "
        f"Where that is async, make the double of it, mocks.create(...) of its class, or use an "
        f"AsyncMock; where it is sync, write it {way.instead}"
    )
