"""A piece of the user's file written anew: the await put in, and the proof that it is just that.

Problem: text that is put together from positions may parse and mean something else, or may stand
where no ``await`` can.
Approach: what is to come out is said as a tree; the top-level statement around it is parsed once
more with the new text in it, and has to be that tree. Where it is not, there is no rewrite, and a
report says what is known in words.
Limits: what a decorator or a caller makes of the function is not asked here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from . import safe
from .findings import Edit
from .own import ast
from .source import File, without_comment

_SHOWN = 8  # lines of code in a report, at most
_LONGEST = 300  # characters of a line of it

# an expression or a statement of the tree -> what is to stand in its place
Changes = Mapping[ast.AST, ast.AST]


class Piece(NamedTuple):
    """A piece of a file, in the positions of `ast` (bytes), and what is to stand there."""

    line: int
    column: int
    end_line: int
    end_column: int
    new: str
    is_end: bool = False  # an empty piece that belongs to what stands before it


class Rewrite(NamedTuple):
    """The edits of one mend, and the lines of code that a report shows for them."""

    edits: tuple[Edit, ...]
    shown: tuple[str, ...]


def instead(node: ast.expr, new: str) -> Piece:
    """Something in place of an expression."""
    line, column = _end(node)
    return Piece(node.lineno, node.col_offset, line, column, new)


def before(node: ast.expr | ast.stmt, new: str) -> Piece:
    """Something before a node."""
    return Piece(node.lineno, node.col_offset, node.lineno, node.col_offset, new)


def after(node: ast.expr, new: str) -> Piece:
    """Something after an expression."""
    line, column = _end(node)
    return Piece(line, column, line, column, new, is_end=True)


def _end(node: ast.expr) -> tuple[int, int]:
    return node.end_lineno or node.lineno, node.end_col_offset or 0


def awaited(call: ast.expr, parent: ast.AST) -> tuple[list[Piece], ast.expr]:
    """An expression with an await before it: the pieces, and the node that comes of it."""
    binds_tighter = isinstance(parent, ast.Attribute | ast.Subscript) or (
        isinstance(parent, ast.Call) and parent.func is call
    )
    pieces = [before(call, "(await "), after(call, ")")] if binds_tighter else None
    return pieces or [before(call, "await ")], ast.Await(value=call)


def rewrite(
    path: str,
    file: File,
    pieces: Iterable[Piece],
    changes: Changes,
    shown: ast.expr,
    *,
    imports: str | None = None,
) -> Rewrite | None:
    """The pieces put in, where that gives the tree with the changes and can be shown.

    ``path`` is what the edits name the file, ``shown`` the expression whose lines a report shows,
    ``imports`` a module that the new text needs.
    """
    lines = file.lines
    ordered = _anchored(lines, pieces)
    if any(not _is_safe(line) for one in ordered for line in lines[one.line - 1 : one.end_line]):
        return None
    span = _statements(file, ordered)
    if not span or not _gives(span, lines, ordered, changes):
        return None
    code = _shown(lines, ordered, shown)
    if code is None:
        return None
    added = None if imports is None else _import(file, imports)
    if added is not None:
        ordered = [*_anchored(lines, [added]), *ordered]
    return Rewrite(tuple(_edit(path, lines, one) for one in ordered), code)


def _anchored(lines: list[str], pieces: Iterable[Piece]) -> list[Piece]:
    """The pieces in their order, the empty ones with the word or the sign that they belong to.

    So that each says what it was made for; those of one place are one.
    """
    texts: dict[tuple[int, int, int, int, bool], str] = {}
    for one in pieces:
        key = (one.line, one.column, one.end_line, one.end_column, one.is_end)
        texts[key] = texts.get(key, "") + one.new
    made: list[Piece] = []
    for (line, column, end_line, end_column, is_end), new in texts.items():
        if (line, column) == (end_line, end_column):
            begin, end = _word(lines[line - 1].encode(), column, is_end=is_end)
            word = lines[line - 1].encode()[begin:end].decode()
            made.append(Piece(line, begin, line, end, word + new if is_end else new + word))
        else:
            made.append(Piece(line, column, end_line, end_column, new))
    return sorted(made)


def _word(raw: bytes, column: int, *, is_end: bool) -> tuple[int, int]:
    """Where the sign before a place begins and ends, or the word or the sign behind it."""
    if is_end:
        return column - 1, column
    word = re.match(rb"[\w\x80-\xff]*", raw[column:])
    return column, column + max(1, len(word[0]) if word else 0)


def _import(file: File, name: str) -> Piece | None:
    """The import of a module, before the file's first statement that may be behind it."""
    for node in file.tree.body:
        if isinstance(node, ast.Import) and any(
            alias.name == name and alias.asname is None for alias in node.names
        ):
            return None
    for node in file.tree.body:
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        is_future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if not is_text and not is_future:
            line = _first_line(node)
            return Piece(line, 0, line, 0, f"import {name}\n")
    return None


def _is_safe(line: str) -> bool:
    """Whether a line is shown as it is, so that what is typed is what is meant."""
    text = line.rstrip("\r\n")
    return len(text) <= _LONGEST and safe.line(text) == text


def _statements(file: File, pieces: list[Piece]) -> list[ast.stmt]:
    """The top-level statements that have to do with the lines of the pieces."""
    first, last = pieces[0].line, max(one.end_line for one in pieces)
    found = _between(file, first, last)
    if not found:
        return []
    # others may begin or end on the same lines, behind a semicolon
    return _between(file, _first_line(found[0]), found[-1].end_lineno or last)


def _between(file: File, first: int, last: int) -> list[ast.stmt]:
    return [
        one for one in file.tree.body if _first_line(one) <= last and (one.end_lineno or 0) >= first
    ]


def _first_line(statement: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(one.lineno for one in decorators)])


def _gives(span: list[ast.stmt], lines: list[str], pieces: list[Piece], changes: Changes) -> bool:
    first, last = _first_line(span[0]), max(one.end_lineno or 0 for one in span)
    text = _applied(lines, first, last, pieces)
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return _same(ast.Module(body=span, type_ignores=[]), tree, changes)


def _applied(lines: list[str], first: int, last: int, pieces: list[Piece]) -> str:
    """The lines from the first to the last with the pieces put in."""
    new = list(lines[first - 1 : last])
    for one in sorted(pieces, reverse=True):
        begin, end = one.line - first, one.end_line - first
        head = new[begin].encode()[: one.column].decode()
        tail = new[end].encode()[one.end_column :].decode()
        new[begin : end + 1] = [head + one.new + tail]
    return "".join(new)


def _same(old: ast.AST, new: ast.AST, changes: Changes) -> bool:
    """Whether the new tree is the old one with the changes made, wherever its nodes stand."""
    # what is compared, and what may stand in the old one as it was: the node whose change it is
    stack: list[tuple[object, object, object]] = [(old, new, None)]
    while stack:
        one, other, kept = stack.pop()
        if isinstance(one, ast.AST) and one is not kept and one in changes:
            stack.append((changes[one], other, _Changed(one)))
            continue
        if type(one) is not type(other):
            return False
        inner = kept.node if isinstance(kept, _Changed) else None
        if isinstance(one, ast.AST):
            stack.extend((left, right, inner) for left, right in _fields(one, other))
        elif isinstance(one, list) and isinstance(other, list):
            if len(one) != len(other):
                return False
            stack.extend((*pair, kept) for pair in zip(one, other, strict=True))
        elif one != other:
            return False
    return True


class _Changed(NamedTuple):
    """A node that was changed: what is new has it among its own fields, unchanged."""

    node: ast.AST


def _fields(one: ast.AST, other: object) -> Iterator[tuple[object, object]]:
    """The fields of two nodes that have to agree, in pairs."""
    for name, left in ast.iter_fields(one):
        if name == "str" and type(one).__name__ == "Interpolation":
            continue  # the expression as it is written
        right = getattr(other, name, None)
        if name == "values" and type(one).__name__ in ("JoinedStr", "TemplateStr"):
            left, right = _without_texts(left), _without_texts(right)  # f"{x = }" has it, too
        yield left, right


def _without_texts(values: object) -> list[object]:
    values = values if isinstance(values, list) else []
    return [value for value in values if not isinstance(value, ast.Constant)]


def _edit(path: str, lines: list[str], one: Piece) -> Edit:
    old = lines[one.line - 1 : one.end_line]
    head = old[0].encode()[: one.column].decode()
    tail = len(old[-1].encode()[one.end_column :].decode())
    text = "".join(old)
    return Edit(path, one.line, len(head), text[len(head) : len(text) - tail], one.new)


def _shown(lines: list[str], pieces: list[Piece], shown: ast.expr) -> tuple[str, ...] | None:
    """The mended lines that the expression stands on, less their indentation; None: too many."""
    first, last = shown.lineno, shown.end_lineno or shown.lineno
    inside = [one for one in pieces if first <= one.line and one.end_line <= last]
    if last - first >= _SHOWN:
        return None
    text = _applied(lines, first, last, inside)
    if first == last and "\n" not in text.strip():
        return (without_comment(text).strip(),)
    code = text.expandtabs(4).rstrip().split("\n")
    indent = min(len(line) - len(line.lstrip()) for line in code if line.strip())
    return tuple(line.rstrip()[indent:] for line in code)
