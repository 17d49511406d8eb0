"""Which expression of a line made a coroutine, and whether that may be told for certain.

Problem: a frame has a line and no column, and a line may have several calls, of several names.
Approach: the calls by the coroutine's own name first; then the name itself, where it is an
attribute that is asked for or a function that is handed over; then what is left, if it is one.
Limits: a name that two functions share is taken for the one that is looked for.
"""

from __future__ import annotations

import builtins
import enum
from collections.abc import Iterator
from typing import NamedTuple

from .own import ast
from .source import File, called_name, is_in_body

Path = list[ast.AST]  # a node and all that it stands in, the outermost first

_BUILTINS = frozenset(dir(builtins))
# what a call of one of these iterates, it has when it returns
_EAGER = frozenset(
    ("all", "any", "sum", "min", "max", "list", "tuple", "set", "frozenset", "sorted", "dict")
)
_EAGER_METHODS = frozenset({"join", "extend"})
# C functions that call what they are given: all others would be the ones that made the coroutine
_CALLING = frozenset(
    ("map", "filter", "sorted", "min", "max", "reduce", "starmap", "partial", "addfinalizer")
)
_COMPUTED = ast.Call | ast.Subscript | ast.Lambda


class How(enum.Enum):
    """How an expression was found."""

    CALLED = enum.auto()  # a call by the name
    ASKED = enum.auto()  # an attribute of the name
    PASSED = enum.auto()  # the name itself, handed to another function
    GUESSED = enum.auto()  # the only one that it can be


class Scope(enum.Enum):
    """What runs an expression."""

    ASYNC = enum.auto()
    SYNC = enum.auto()
    LAMBDA = enum.auto()
    CLASS = enum.auto()
    MODULE = enum.auto()
    LATER = enum.auto()  # an annotation: nobody, or whoever asks


class Around(NamedTuple):
    """What runs an expression: the function, and the generator expressions on the way to it."""

    scope: Scope
    node: ast.AST | None
    generators: tuple[ast.GeneratorExp, ...] = ()


def find(
    file: File, lineno: int, names: frozenset[str], classes: frozenset[str] = frozenset()
) -> tuple[How, list[Path]] | None:
    """The expressions of a line that may have made a coroutine of one of these names.

    ``classes`` are the names of what it is a method of: a call of those makes none. What is
    awaited is left out where there are others. None where nothing tells.
    """
    calls = file.calls(lineno)
    named = [call for call in calls if called_name(call) in names]
    if named:
        nearest = min(abs(line_of(call) - lineno) for call in named)
        paths = [file.path(call) for call in named if abs(line_of(call) - lineno) == nearest]
        return How.CALLED, [path for path in paths if not is_awaited(path)] or paths
    mentioned = [file.path(node) for node in _mentions(file, lineno, names)]
    passed = [path for path in mentioned if is_argument(path)]
    wrapped = [path for path in map(_call_of_wrapped, passed) if path is not None]
    if wrapped:
        return How.GUESSED, wrapped
    asked = [path for path in mentioned if path not in passed or not _is_calling(path)]
    asked = [path for path in asked if isinstance(path[-1], ast.Attribute)]
    if asked:
        return How.ASKED, asked
    if mentioned:
        return (How.PASSED, passed) if passed else None
    if any(name.startswith("__") and name != "__call__" for name in names):
        return None  # an operator, or a statement
    on_line = [call for call in calls if line_of(call) == lineno and not builtin(file, call)]
    guessed = _guessed(on_line, classes)
    return None if guessed is None else (How.GUESSED, [file.path(guessed)])


def builtin(file: File, call: ast.Call) -> str | None:
    """The name of the function of Python's own that is called; None where it is another's."""
    name = call.func.id if isinstance(call.func, ast.Name) else None
    return name if name in _BUILTINS and name not in file.bound else None


def is_eager(file: File, call: ast.Call) -> bool:
    """Whether what a call is given to iterate has been iterated when it returns."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr in _EAGER_METHODS
    return builtin(file, call) in _EAGER


def line_of(call: ast.Call) -> int:
    """The line that a frame names while it makes this call."""
    is_method = isinstance(call.func, ast.Attribute)
    return (call.func.end_lineno if is_method else None) or call.lineno


def _mentions(file: File, lineno: int, names: frozenset[str]) -> Iterator[ast.expr]:
    for node in file.nodes:
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            name = node.id if isinstance(node, ast.Name) else node.attr
            if name in names and node.lineno <= lineno <= (node.end_lineno or 0):
                yield node


def _call_of_wrapped(path: Path) -> Path | None:
    """The call of what the taker gives: ``decorator(function)(1)``."""
    outer = path[-3] if len(path) > 2 else None
    is_called = isinstance(outer, ast.Call) and outer.func is path[-2]
    return path[:-2] if is_called else None


def _is_calling(path: Path) -> bool:
    """Whether the function that gets an attribute calls it, and is none that tells of itself."""
    call = taker(path)
    return call is not None and called_name(call) in _CALLING


def _guessed(calls: list[ast.Call], names: frozenset[str]) -> ast.Call | None:
    """The call that is left when those are out that make no coroutine."""
    calls = [call for call in calls if called_name(call) not in names]
    computed = [call for call in calls if isinstance(call.func, _COMPUTED)]
    left = computed or calls
    return left[0] if len(left) == 1 else None


def is_awaited(path: Path) -> bool:
    """Whether the very expression is awaited."""
    return len(path) > 1 and isinstance(path[-2], ast.Await)


def is_argument(path: Path) -> bool:
    """Whether the expression is handed to a call as it is."""
    return taker(path) is not None and isinstance(path[-2], ast.Call | ast.keyword)


def taker(path: Path) -> ast.Call | None:
    """The call that gets the expression, alone or in a list, as an argument."""
    inner = path[-1]
    for node in reversed(path[:-1]):
        if isinstance(node, ast.Call):
            return node if inner is not node.func else None
        if not isinstance(node, ast.Starred | ast.keyword | ast.List | ast.Tuple | _COMPREHENSION):
            return None
        is_loop = isinstance(node, _COMPREHENSION)
        if is_loop and getattr(node, "elt", None) is not inner:
            return None
        inner = node
    return None


_COMPREHENSION = ast.ListComp | ast.GeneratorExp | ast.SetComp


def is_returned(path: Path) -> bool:
    """Whether the expression is what its function gives."""
    inner = path[-1]
    for node in reversed(path[:-1]):
        if isinstance(node, ast.Return):
            return True
        if isinstance(node, ast.Lambda):
            return node.body is inner
        is_choice = isinstance(node, ast.IfExp) and inner is not node.test
        if not is_choice and not isinstance(node, ast.BoolOp):
            return False
        inner = node
    return False


def around(path: Path) -> Around:
    """What runs the end of a path."""
    generators: list[ast.GeneratorExp] = []
    outer = list(reversed(path[:-1]))
    below: list[ast.AST] = [path[-1], *outer]
    for index, node in enumerate(outer):
        inner = below[index]
        if isinstance(node, ast.GeneratorExp):
            # the first thing that it iterates is worked out around it
            is_first = index > 0 and inner is node.generators[0]
            if not (is_first and below[index - 1] is node.generators[0].iter):
                generators.append(node)
        elif isinstance(node, ast.arg) or inner is getattr(node, "annotation", None):
            return Around(Scope.LATER, None)
        elif isinstance(node, ast.Lambda) and inner is node.body:
            return Around(Scope.LAMBDA, node, tuple(generators))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if inner is node.returns or inner in getattr(node, "type_params", ()):
                return Around(Scope.LATER, None)
            if is_in_body(node, inner):
                is_async = isinstance(node, ast.AsyncFunctionDef)
                scope = Scope.ASYNC if is_async else Scope.SYNC
                return Around(scope, node, tuple(generators))
        elif isinstance(node, ast.ClassDef):
            if inner in getattr(node, "type_params", ()):
                return Around(Scope.LATER, None)
            if is_in_body(node, inner):
                return Around(Scope.CLASS, node, tuple(generators))
        elif type(node).__name__ == "TypeAlias":
            return Around(Scope.LATER, None)
    return Around(Scope.MODULE, None, tuple(generators))


def is_awaited_later(path: Path, function: ast.AST | None) -> bool:
    """Whether a name that the expression is bound to is awaited somewhere in its function."""
    names: set[str] = set()
    for node in reversed(path[:-1]):
        if isinstance(node, ast.NamedExpr):
            names.add(node.target.id)
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {one.id for to in targets for one in ast.walk(to) if isinstance(one, ast.Name)}
        if isinstance(node, ast.stmt):
            break
    if not names or function is None:
        return False
    return any(
        isinstance(inner, ast.Name) and inner.id in names
        for node in ast.walk(function)
        if isinstance(node, ast.Await)
        for inner in ast.walk(node.value)
    )
