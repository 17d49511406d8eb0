"""What the user's source says at a line: the call that was not awaited, and the line mended.

Everything here is read off the text with `ast`; where the text can't be had or does not parse,
the answers are empty and a report says less.
"""

from __future__ import annotations

import ast
import functools
import io
import linecache
import tokenize
from collections.abc import Iterator
from typing import NamedTuple

_TASK_MAKERS = {
    "create_task",
    "ensure_future",
    "run_coroutine_threadsafe",
    "start_soon",
    "Task",
    "create_eager_start_task",
}


class CallSite(NamedTuple):
    """One call on a line: its text (and that of its function), and what it stands in.

    ``given_to`` is the text of the function that gets its result as an argument (``asyncio.run``),
    ``function`` the name of the enclosing function and ``in_async`` whether that can await.
    ``mended`` is the source line with the await put in, where that is one line.
    """

    text: str
    function_text: str
    given_to: str | None
    given_to_task: bool
    function: str
    in_async: bool
    is_awaited: bool
    mended: str | None


def line(filename: str, lineno: int) -> str:
    """The source line without its indentation; empty where the file can't be read."""
    return linecache.getline(filename, lineno).strip()


def find_call(filename: str, lineno: int, names: frozenset[str]) -> CallSite | None:
    """The call on the line that made a coroutine of one of these names, or the only one there."""
    tree = _parsed(filename)
    if tree is None:
        return None
    calls = [
        (path[-1], path)
        for path in _paths(tree)
        if isinstance(path[-1], ast.Call)
        and path[-1].lineno <= lineno <= (path[-1].end_lineno or 0)
    ]
    named = [(call, path) for call, path in calls if _called_name(call) in names]
    if named:
        # the call that begins or ends on the line is nearer than one that spans it
        return _site(filename, min(named, key=lambda pair: _distance(pair[0], lineno))[1])
    single = [path for call, path in calls if call.lineno == call.end_lineno == lineno]
    return _site(filename, single[0]) if len(single) == 1 else None


def first_argument(filename: str, lineno: int, names: frozenset[str]) -> str | None:
    """The text of what the call of one of these names on the line is given first."""
    tree = _parsed(filename)
    calls = [
        node
        for node in (ast.walk(tree) if tree is not None else ())
        if isinstance(node, ast.Call)
        and node.lineno <= lineno <= (node.end_lineno or 0)
        and _called_name(node) in names
    ]
    if not calls:
        return None
    call = min(calls, key=lambda call: _distance(call, lineno))
    return ast.unparse(call.args[0]) if call.args else None


def find_passed(filename: str, name: str, *, or_called: bool) -> list[tuple[int, str]]:
    """The lines that pass a function of this name to another one, and the functions around them.

    ``or_called`` asks for the lines that call it, too.
    """
    if name not in "".join(linecache.getlines(filename)):
        return []
    tree = _parsed(filename)
    return [
        (path[-1].lineno, _enclosing(path)[0])
        for path in (_paths(tree) if tree is not None else ())
        if isinstance(path[-1], ast.Name | ast.Attribute)
        and name in (getattr(path[-1], "id", None), getattr(path[-1], "attr", None))
        and (_is_argument(path) or (or_called and _is_called(path)))
    ]


def _is_called(path: list[ast.AST]) -> bool:
    return isinstance(path[-2], ast.Call) and path[-1] is path[-2].func


def _is_argument(path: list[ast.AST]) -> bool:
    parent = path[-2]
    return isinstance(parent, ast.keyword) or (
        isinstance(parent, ast.Call) and path[-1] is not parent.func
    )


def _parsed(filename: str) -> ast.Module | None:
    linecache.checkcache(filename)  # a file may be written anew in one run
    text = "".join(linecache.getlines(filename))
    return _parse(filename, text) if text else None


@functools.lru_cache(maxsize=32)
def _parse(filename: str, text: str) -> ast.Module | None:
    try:
        return ast.parse(text, filename)
    except (SyntaxError, ValueError):  # not Python, or of another version: the report says less
        return None


def _paths(tree: ast.AST) -> Iterator[list[ast.AST]]:
    stack: list[list[ast.AST]] = [[tree]]
    while stack:
        path = stack.pop()
        yield path
        stack.extend([*path, child] for child in reversed(list(ast.iter_child_nodes(path[-1]))))


def _called_name(call: ast.AST) -> str | None:
    function = call.func if isinstance(call, ast.Call) else None
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else None


def _distance(call: ast.Call, lineno: int) -> int:
    return min(abs(call.lineno - lineno), abs((call.end_lineno or lineno) - lineno))


def _site(filename: str, path: list[ast.AST]) -> CallSite:
    call = path[-1]
    assert isinstance(call, ast.Call)
    outer = next((node for node in reversed(path[:-1]) if not _is_wrapping(node)), None)
    given_to = outer if isinstance(outer, ast.Call) and call is not outer.func else None
    function, in_async = _enclosing(path)
    return CallSite(
        text=ast.unparse(call),
        function_text=ast.unparse(call.func),
        given_to=ast.unparse(given_to.func) if given_to is not None else None,
        given_to_task=_called_name(given_to) in _TASK_MAKERS if given_to is not None else False,
        function=function,
        in_async=in_async,
        is_awaited=any(isinstance(node, ast.Await) for node in path[_statement_index(path) :]),
        mended=_mended(filename, call, path[-2]),
    )


def _is_wrapping(node: ast.AST) -> bool:
    return isinstance(node, ast.Starred | ast.keyword | ast.List | ast.Tuple)


def _statement_index(path: list[ast.AST]) -> int:
    return max(index for index, node in enumerate(path) if isinstance(node, ast.stmt | ast.Module))


def _enclosing(path: list[ast.AST]) -> tuple[str, bool]:
    for node in reversed(path):
        if isinstance(node, ast.AsyncFunctionDef):
            return node.name, True
        if isinstance(node, ast.FunctionDef):
            return node.name, False
        if isinstance(node, ast.Lambda):
            return "<lambda>", False
    return "<module>", False


def _mended(filename: str, call: ast.Call, parent: ast.AST) -> str | None:
    if call.end_lineno != call.lineno or call.end_col_offset is None:
        return None
    line = _without_comment(linecache.getline(filename, call.lineno))
    raw = line.encode()  # ast counts bytes, not characters
    before, text, after = (
        raw[: call.col_offset],
        raw[call.col_offset : call.end_col_offset],
        raw[call.end_col_offset :],
    )
    binds_tighter = isinstance(parent, ast.Attribute | ast.Subscript) or (
        isinstance(parent, ast.Call) and parent.func is call
    )
    awaited = b"(await " + text + b")" if binds_tighter else b"await " + text
    return (before + awaited + after).decode(errors="replace").strip()


def definition_line(filename: str, first: int) -> int:
    """The ``def`` line of the function whose code begins (with its decorators) on this line."""
    tree = _parsed(filename)
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = [node.lineno, *(decorator.lineno for decorator in node.decorator_list)]
            if min(lines) == first:
                return node.lineno
    return first


def find_mark(filename: str, class_name: str | None, mark: str) -> int | None:
    """The line of a mark on a class, or (without a class) in the module's ``pytestmark``."""
    tree = _parsed(filename)
    if tree is None:
        return None
    marks: list[ast.expr] = []
    body = tree.body
    if class_name is not None:
        classes = (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
        named = next((node for node in classes if node.name == class_name), None)
        if named is None:
            return None
        marks, body = list(named.decorator_list), named.body
    marks += [
        node.value
        for node in body
        if isinstance(node, ast.Assign) and "pytestmark" in map(ast.unparse, node.targets)
    ]
    for inner in (inner for expression in marks for inner in ast.walk(expression)):
        if isinstance(inner, ast.Attribute) and inner.attr == mark:
            return inner.lineno
    return None


def function_lines(filename: str, name: str) -> range:
    """The lines of the function of this name; empty where there is none."""
    tree = _parsed(filename)
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
            return range(node.lineno, (node.end_lineno or node.lineno) + 1)
    return range(0)


def has_cleanup(filename: str, name: str, lineno: int) -> bool:
    """Whether closing the async generator of this name, where it stands at this line, runs code.

    That is where its ``yield`` stands in a ``with``, or in a ``try`` with a ``finally`` or with a
    handler for the `GeneratorExit` that closes it. True where the source can't be had.
    """
    tree = _parsed(filename)
    found = [
        path
        for path in (_paths(tree) if tree is not None else ())
        if isinstance(path[-1], ast.Yield)
        and path[-1].lineno <= lineno <= (path[-1].end_lineno or 0)
        and _enclosing(path) == (name, True)
    ]
    return not found or any(map(_is_guarded, found))


def _is_guarded(path: list[ast.AST]) -> bool:
    for outer, inner in zip(reversed(path[:-1]), reversed(path), strict=False):
        if isinstance(outer, ast.AsyncFunctionDef):
            return False
        if isinstance(outer, ast.With | ast.AsyncWith):
            calls = [_called_name(item.context_expr) for item in outer.items]
            if inner in outer.body and calls != ["suppress"]:
                return True
        if isinstance(outer, ast.Try | ast.TryStar) and inner not in outer.finalbody:
            hears = inner in outer.body and any(map(_hears_close, outer.handlers))
            if outer.finalbody or hears:
                return True
    return False


def _hears_close(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    words = {getattr(node, "id", getattr(node, "attr", "")) for node in ast.walk(handler.type)}
    return not words.isdisjoint({"BaseException", "GeneratorExit"})


def _without_comment(line: str) -> str:
    try:
        for token in tokenize.generate_tokens(io.StringIO(line).readline):
            if token.type == tokenize.COMMENT:
                return line[: token.start[1]].rstrip()
    except (tokenize.TokenError, IndentationError):  # a piece of a longer statement
        pass
    return line
