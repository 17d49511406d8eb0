"""What the user's source says at a line: the call that was not awaited, and the line mended.

Everything here is read off the text with `ast`; where the text can't be had or does not parse,
the answers are empty and a report says less.
"""

from __future__ import annotations

import io
import stat
import tokenize
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from .own import ast, linecache, os

# what takes a coroutine and makes a task of it
TASK_MAKERS = frozenset(
    ("create_task", "ensure_future", "run_coroutine_threadsafe", "Task", "create_eager_start_task")
)


# What is larger is not looked into: a report says less, and does not take minutes for it.
_LARGEST = 16_000_000  # bytes of a file of which lines are shown
_PARSED = 4_000_000  # characters of one that is parsed
_LONGEST = 1000  # characters of a call on one line, of a line that is mended
_MOST_LINES = 40  # of a call
_KEPT = 32  # files that were looked into last


class CallSite(NamedTuple):
    """One call on a line: its text (and that of its function), and what it stands in.

    ``given_to`` is the text of the function that gets its result as an argument (``asyncio.run``).
    Of what is very long or deep a text has the beginning alone.
    """

    text: str
    function_text: str
    given_to: str | None
    given_to_task: bool


class File:
    """A file that parses: its tree, the way up from each node, and the calls by their lines."""

    def __init__(self, tree: ast.Module, lines: list[str]) -> None:
        self.tree = tree
        self.lines = lines
        self._parents: dict[ast.AST, ast.AST] = {}
        # number of the line -> the calls that begin and end on it, each with its place in the tree
        self._short: dict[int, list[tuple[int, ast.Call]]] = {}
        self._tall: list[tuple[int, ast.Call]] = []  # those of several lines
        self.nodes = list(self._walk())
        for number, node in enumerate(self.nodes):
            if isinstance(node, ast.Call):
                is_short = node.lineno == node.end_lineno
                calls = self._short.setdefault(node.lineno, []) if is_short else self._tall
                calls.append((number, node))

    @cached_property
    def bound(self) -> frozenset[str]:
        """The names that the file gives to things, anywhere in it: these are not Python's own."""
        names: set[str] = set()
        for node in self.nodes:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.alias):
                names.add(node.asname or node.name)
            elif isinstance(node, ast.arg):
                names.add(node.arg)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
        return frozenset(names)

    def _walk(self) -> Iterator[ast.AST]:
        stack: list[ast.AST] = [self.tree]
        while stack:
            node = stack.pop()
            yield node
            children = list(ast.iter_child_nodes(node))
            self._parents.update((child, node) for child in children)
            stack.extend(reversed(children))

    def path(self, node: ast.AST) -> list[ast.AST]:
        """A node and all that it stands in, the outermost first."""
        path = [node]
        while path[-1] in self._parents:
            path.append(self._parents[path[-1]])
        return path[::-1]

    def calls(self, lineno: int) -> list[ast.Call]:
        """The calls that have to do with a line, as they stand in the text."""
        found = [*self._short.get(lineno, ())]
        found += [pair for pair in self._tall if _spans(pair[1], lineno)]
        return [call for _, call in sorted(found, key=lambda pair: pair[0])]


def line(filename: str, lineno: int) -> str:
    """The source line without its indentation; empty where the file can't be read."""
    lines = _lines(filename)
    return lines[lineno - 1].strip() if 0 < lineno <= len(lines) else ""


def find_call(filename: str, lineno: int, names: frozenset[str]) -> CallSite | None:
    """The call on the line that made a coroutine of one of these names, or the only one there."""
    file = parsed(filename)
    if file is None:
        return None
    calls = file.calls(lineno)
    named = [call for call in calls if called_name(call) in names]
    if named:
        # the call that begins or ends on the line is nearer than one that spans it
        nearest = min(named, key=lambda call: _distance(call, lineno))
        return _site(file.path(nearest))
    single = [call for call in calls if call.lineno == call.end_lineno]
    return _site(file.path(single[0])) if len(single) == 1 else None


def first_argument(filename: str, lineno: int, names: frozenset[str], keyword: str) -> str | None:
    """The text of what the call of one of these names is given first, or by this keyword."""
    file = parsed(filename)
    calls = [] if file is None else file.calls(lineno)
    named = [call for call in calls if called_name(call) in names]
    if not named:
        return None
    call = min(named, key=lambda call: _distance(call, lineno))
    named_by = (one.value for one in call.keywords if one.arg == keyword)
    given = call.args[0] if call.args else next(named_by, None)
    return None if given is None else text_of(given)


def find_given(filename: str, lineno: int, name: str) -> str | None:
    """The text of the function of this name that is given to a call on the line, as `x.set`."""
    file = parsed(filename)
    given = (one for call in ([] if file is None else file.calls(lineno)) for one in call.args)
    texts = (text_of(one) for one in given if name in (_name_of(one), ""))
    return next(texts, None)


def as_partial(text: str) -> str | None:
    """The arguments that have a call of this text made later: `f, 1`, `functools.partial(f, x=1)`.

    None for a text that is no whole call.
    """
    try:
        call = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if not isinstance(call, ast.Call) or "..." in text:
        return None
    named = [
        f"{one.arg}={text_of(one.value)}" if one.arg else f"**{text_of(one.value)}"
        for one in call.keywords
    ]
    plain = ", ".join([text_of(call.func), *map(text_of, call.args)])
    return plain if not named else f"functools.partial({', '.join([plain, *named])})"


def find_passed(filename: str, name: str, *, or_called: bool) -> list[tuple[int, str]]:
    """The lines that pass a function of this name to another one, and the functions around them.

    ``or_called`` asks for the lines that call it, too, and do not await the call.
    """
    if name not in "".join(_lines(filename)):
        return []
    file = parsed(filename)
    found: list[tuple[int, str]] = []
    if file is None:
        return found
    for node in file.nodes:
        named = (getattr(node, "id", None), getattr(node, "attr", None))
        if isinstance(node, ast.Name | ast.Attribute) and name in named:
            path = file.path(node)
            if _is_argument(path) or (or_called and _is_called(path)):
                found.append((node.lineno, _enclosing(path)[0]))
    return found


def _is_called(path: list[ast.AST]) -> bool:
    is_called = isinstance(path[-2], ast.Call) and path[-1] is path[-2].func
    return is_called and not isinstance(path[-3], ast.Await)


def _is_argument(path: list[ast.AST]) -> bool:
    parent = path[-2]
    return isinstance(parent, ast.keyword) or (
        isinstance(parent, ast.Call) and path[-1] is not parent.func
    )


def _lines(filename: str) -> list[str]:
    """The lines of a file; none where it can't be read, or where it is no file to be read whole.

    Code may have any name as its file's: a pipe, or a device that has no end.
    """
    try:
        status = os.stat(filename)
    except OSError:
        pass  # an importer may have the text: `linecache` asks it
    except ValueError:  # a name that no file can have
        return []
    else:
        if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST:
            return []
    return linecache.getlines(filename)


# the name of a file -> its lines when it was looked into, and what was found; the last ones
_files: dict[str, tuple[list[str], File | None]] = {}


def parsed(filename: str) -> File | None:
    """The file as it parses; None where it can't be had, is no Python, or is too large."""
    linecache.checkcache(filename)  # a file may be written anew in one run
    lines = _lines(filename)
    known = _files.pop(filename, None)
    if known is None or known[0] is not lines:
        known = lines, _parse(filename, lines) if lines else None
    _files[filename] = known
    if len(_files) > _KEPT:
        del _files[next(iter(_files))]
    return known[1]


def _parse(filename: str, lines: list[str]) -> File | None:
    if sum(map(len, lines)) > _PARSED:
        return None
    try:
        return File(ast.parse("".join(lines), filename), lines)
    except (SyntaxError, ValueError):  # not Python, or of another version: the report says less
        return None
    except (RecursionError, MemoryError):  # too deep for the parser, which says it in both ways
        return None


def _spans(call: ast.Call, lineno: int) -> bool:
    return call.lineno <= lineno <= (call.end_lineno or 0)


def _name_of(node: ast.AST) -> str | None:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", None)


def called_name(call: ast.AST) -> str | None:
    """The last part of the name that a call calls; of a partial, that of its function."""
    function = call.func if isinstance(call, ast.Call) else None
    if isinstance(function, ast.Call) and function.args and called_name(function) == "partial":
        function = function.args[0]
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else None


def _distance(call: ast.Call, lineno: int) -> int:
    return min(abs(call.lineno - lineno), abs((call.end_lineno or lineno) - lineno))


def text_of(node: ast.expr) -> str:
    """The text of an expression; of one that is very long or deep, its beginning."""
    height = (node.end_lineno or node.lineno) - node.lineno
    width = (node.end_col_offset or 0) - node.col_offset if height == 0 else 0
    if height < _MOST_LINES and width <= _LONGEST:
        try:
            return ast.unparse(node)
        except RecursionError:
            pass
    if isinstance(node, ast.Call):
        return f"{text_of(node.func)}(...)"
    if isinstance(node, ast.Attribute):
        return f"(...).{node.attr}"
    return "..."


def _makes_task(call: ast.Call | None) -> bool:
    """Whether a task comes of what a call is given; a task group's is, whatever that gets."""
    return call is not None and called_name(call) in (*TASK_MAKERS, "start_soon")


def _site(path: list[ast.AST]) -> CallSite:
    call = path[-1]
    assert isinstance(call, ast.Call)
    outer = next((node for node in reversed(path[:-1]) if not _is_wrapping(node)), None)
    given_to = outer if isinstance(outer, ast.Call) and call is not outer.func else None
    return CallSite(
        text=text_of(call),
        function_text=text_of(call.func),
        given_to=text_of(given_to.func) if given_to is not None else None,
        given_to_task=_makes_task(given_to),
    )


def _is_wrapping(node: ast.AST) -> bool:
    return isinstance(node, ast.Starred | ast.keyword | ast.List | ast.Tuple)


def _enclosing(path: list[ast.AST]) -> tuple[str, bool]:
    """The function that runs the end of a path, and whether that may await."""
    inner: ast.AST | None = None
    for node in reversed(path):
        # what a function has for defaults, annotations and decorators is worked out around it
        is_around = inner is not None and not is_in_body(node, inner)
        inner = node
        if is_around:
            continue
        if isinstance(node, ast.AsyncFunctionDef):
            return node.name, True
        if isinstance(node, ast.FunctionDef):
            return node.name, False
        if isinstance(node, ast.Lambda):
            return "<lambda>", False
    return "<module>", False


def is_in_body(node: ast.AST, inner: ast.AST) -> bool:
    """Whether something right below a function or a class is of its body."""
    if isinstance(node, ast.Lambda):
        return inner is node.body
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return inner in node.body
    return True


def _nodes(filename: str) -> list[ast.AST]:
    """The nodes of a file as they stand in the text; none where it can't be had."""
    file = parsed(filename)
    return [] if file is None else file.nodes


def definition_line(filename: str, first: int) -> int:
    """The ``def`` line of the function whose code begins (with its decorators) on this line."""
    for node in _nodes(filename):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = [node.lineno, *(decorator.lineno for decorator in node.decorator_list)]
            if min(lines) == first:
                return node.lineno
    return first


def assigned(filename: str, name: str) -> tuple[int, str] | None:
    """The line that gives a module's global its value, and the text of the value; if just one."""
    file = parsed(filename)
    found: list[tuple[int, str]] = []
    for node in file.tree.body if file is not None else ():
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = getattr(node, "value", None)
        if value is not None and any(isinstance(t, ast.Name) and t.id == name for t in targets):
            found.append((node.lineno, ast.unparse(value)))
    return found[0] if len(found) == 1 else None


def find_mark(filename: str, class_name: str | None, mark: str) -> int | None:
    """The line of a mark on a class, or (without a class) in the module's ``pytestmark``."""
    file = parsed(filename)
    if file is None:
        return None
    marks: list[ast.expr] = []
    body = file.tree.body
    if class_name is not None:
        classes = (node for node in file.nodes if isinstance(node, ast.ClassDef))
        named = next((node for node in classes if node.name == class_name), None)
        if named is None:
            return None
        marks, body = list(named.decorator_list), named.body
    marks += [
        node.value
        for node in body
        if isinstance(node, ast.Assign)
        and "pytestmark" in (getattr(target, "id", None) for target in node.targets)
    ]
    for inner in (inner for expression in marks for inner in ast.walk(expression)):
        if isinstance(inner, ast.Attribute) and inner.attr == mark:
            return inner.lineno
    return None


def function_lines(filename: str, name: str) -> range:
    """The lines of the function of this name; empty where there is none."""
    for node in _nodes(filename):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
            return range(node.lineno, (node.end_lineno or node.lineno) + 1)
    return range(0)


def has_cleanup(filename: str, name: str, lineno: int) -> bool:
    """Whether closing the async generator of this name, where it stands at this line, runs code.

    That is where its ``yield`` stands in a ``with``, or in a ``try`` with a ``finally`` or with a
    handler for the `GeneratorExit` that closes it. A generator expression has none of these. True
    where the source can't be had.
    """
    if name == "<genexpr>":
        return False
    file = parsed(filename)
    if file is None:
        return True
    paths = [
        file.path(node)
        for node in file.nodes
        if isinstance(node, ast.Yield) and node.lineno <= lineno <= (node.end_lineno or 0)
    ]
    found = [path for path in paths if _enclosing(path) == (name, True)]
    return not found or any(map(_is_guarded, found))


def _is_guarded(path: list[ast.AST]) -> bool:
    for outer, inner in zip(reversed(path[:-1]), reversed(path), strict=False):
        if isinstance(outer, ast.AsyncFunctionDef):
            return False
        if isinstance(outer, ast.With | ast.AsyncWith):
            calls = [called_name(item.context_expr) for item in outer.items]
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


def without_comment(line: str) -> str:
    """The line less the comment at its end."""
    try:
        for token in tokenize.generate_tokens(io.StringIO(line).readline):
            if token.type == tokenize.COMMENT:
                return line[: token.start[1]].rstrip()
    except (tokenize.TokenError, SyntaxError):  # a piece of a longer statement
        pass
    return line
