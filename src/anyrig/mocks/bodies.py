"""What stands in the body of a function: what it returns, and the names that it gives.

Problem: a sync function without an annotation may give an awaitable, or what is entered by
``async with``; its code says so, ``return self._call(...)``, ``return Transaction(self)``.
Approach: its source is read, never run.
Limits: no source, no answer; neither for a lambda.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Any

from ..annotations import imported_by
from ..own import ast, inspect, linecache

_INNER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)

_PLAIN = (
    *(ast.Compare, ast.Dict, ast.DictComp, ast.JoinedStr, ast.List, ast.ListComp, ast.Set),
    *(ast.SetComp, ast.Tuple, ast.UnaryOp, ast.BinOp, ast.Lambda),
)


@dataclass(frozen=True, slots=True)
class Body:
    """What is read of a function.

    ``names`` has all that is assigned to a local name, ``attributes`` what is assigned to one of
    ``self``, by its name; ``imports`` a module and a name in it by the local name; ``parameters``
    the names of the parameters that can be given by position, the first of them ``self``.
    """

    parameters: tuple[str, ...]
    returns: tuple[ast.expr, ...]
    names: dict[str, list[ast.expr]]
    attributes: dict[str, tuple[ast.expr | None, ast.expr | None]]  # its value, its annotation
    imports: dict[str, tuple[str, str | None]]


@functools.lru_cache(maxsize=1024)  # functions whose doubles were made last
def body_of(code: CodeType, package: str) -> Body | None:
    """The body of a function; None where its source can't be had."""
    function = _parsed(code)
    if function is None:
        return None
    arguments = [*function.args.posonlyargs, *function.args.args]
    parameters = tuple(argument.arg for argument in arguments)
    body = Body(parameters, tuple(_returned(function)), {}, {}, {})
    for node in _nodes(function):
        body.imports.update(imported_by(node, package))
        for target, value, annotation in _assigned(node):
            if isinstance(target, ast.Name) and value is not None:
                if not isinstance(value, ast.Constant):
                    body.names.setdefault(target.id, []).append(value)
            elif isinstance(target, ast.Attribute) and _is_name(target.value, parameters[:1]):
                body.attributes.setdefault(target.attr, (value, annotation))
    return body


def _parsed(code: CodeType) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    if code.co_name == "<lambda>":
        return None
    try:
        # `inspect.getsource` would look through all modules that are loaded
        lines = linecache.getlines(code.co_filename)[code.co_firstlineno - 1 :]
        source = "".join(inspect.getblock(lines))
        # a text in it may stand further left than its lines
        tree = ast.parse(f"if 1:\n{source}" if source[:1].isspace() else source)
    except (SyntaxError, ValueError, RecursionError):
        return None
    inner: Any = tree.body[0] if tree.body else None  # no file, as of Python's own frozen modules
    function = inner.body[0] if isinstance(inner, ast.If) else inner
    return function if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) else None


def _nodes(function: ast.AST) -> Iterator[ast.AST]:
    """What stands in a function, in the order of its lines, and in none that it has inside."""
    for node in ast.iter_child_nodes(function):
        if not isinstance(node, _INNER):
            yield node
            yield from _nodes(node)


def _returned(function: ast.AST) -> Iterator[ast.expr]:
    for node in _nodes(function):
        if isinstance(node, ast.Return) and not isinstance(node.value, ast.Constant | None):
            yield node.value


def is_plain(expression: ast.expr) -> bool:
    """Whether it is written out what it is: a list, a sum, a text, and nothing to await."""
    return isinstance(expression, _PLAIN)


def _is_name(expression: ast.expr, names: tuple[str, ...]) -> bool:
    return isinstance(expression, ast.Name) and expression.id in names


def _assigned(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr | None, ast.expr | None]]:
    if isinstance(node, ast.Assign):
        yield from ((target, node.value, None) for target in node.targets)
    elif isinstance(node, ast.AnnAssign):
        yield node.target, node.value, node.annotation
    elif isinstance(node, ast.NamedExpr):
        yield node.target, node.value, None
