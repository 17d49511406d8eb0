"""What is said of an awaitable of asyncio's that reaches trio without a bridge.

Problem: trio's own error names no line of the user's, no fixture, and nothing to write; asyncio's
speaks of a loop that is not running.
Approach: the failing test's error gets a note. The line is the user's innermost one in the
traceback, read by its columns; the fixture is the one whose value the expression begins with, or
holds that.
Limits: the words of trio's and of asyncio's errors are theirs; a test fails by name when they move.

PYTEST_DONT_REWRITE: an assert of ours shows nothing to a user.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any, NamedTuple

import pytest

from anyrig.own import ast, asyncio, linecache, os, sys, traceback

from .marks import ANYIO_BACKEND, library_of

_TRIOS = "trio.run received unrecognized yield message"
_ASYNCIOS = (
    "no running event loop",
    "There is no current event loop",
    "is bound to a different event loop",
    "attached to a different loop",
    "'NoneType' object has no attribute 'create_future'",
)
_STDLIB = os.path.dirname(os.__file__) + os.sep  # sysconfig reads files to say the same
_FOLDERS = tuple(f"{os.sep}{name}{os.sep}" for name in ("site-packages", "dist-packages"))
_HERE = os.path.dirname(__file__) + os.sep
_DEPTH = 3  # of what a fixture's value holds
_MANY = 1000  # things that are looked at in it
_IN_C = frozenset({"get_running_loop", "get_event_loop"})  # they have no frame in a traceback


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """The error of a test on trio is explained before it is shown."""
    if call.excinfo is not None:
        fixtures = getattr(item, "funcargs", {})
        explain(call.excinfo.value, fixtures, str(item.config.rootpath))


def explain(
    error: BaseException, fixtures: Mapping[str, Any] | None = None, root: str | None = None
) -> None:
    """Adds to an error what to write, where something of asyncio's reached trio unbridged.

    ``fixtures`` are the values of the test's fixtures, by name; files are named from the folder
    ``root``. All other errors stay as they are; those in a group are looked at one by one.
    """
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            explain(one, fixtures, root)
        return
    fixtures = fixtures or {}
    if not _is_unbridged(error, fixtures) or hasattr(error, "__notes__"):
        return
    sites = _find_sites(error, root)
    if sites:
        site = sites[-1]
        is_loops = site.is_call and not site.is_awaited
        fixture = _fixture_of(site, fixtures)
        words = _of_loop(sites) if is_loops else _words(site, fixture)
        error.add_note("\n".join(words))


def _is_unbridged(error: BaseException, fixtures: Mapping[str, Any]) -> bool:
    text = str(error)
    if isinstance(error, TypeError):
        return text.startswith(_TRIOS)
    is_on_trio = library_of(fixtures.get(ANYIO_BACKEND)) == "trio"
    if not is_on_trio or not isinstance(error, RuntimeError | AttributeError):
        return False
    return any(words in text for words in _ASYNCIOS)


class _Site(NamedTuple):
    """A line of the user's: the expression there (None where it can't be read), and its frame."""

    text: str
    where: str
    node: ast.expr | None
    frame: FrameType

    @property
    def is_call(self) -> bool:
        """Whether the expression is a call."""
        return isinstance(self.node, ast.Call)

    @property
    def is_awaited(self) -> bool:
        """Whether it was awaited there: its function is then an async one."""
        return re.match(r"await\b", self.text) is not None


def _find_sites(error: BaseException, root: str | None) -> list[_Site]:
    """The lines of the user's that an error has come through, the innermost last."""
    walked = list(traceback.walk_tb(error.__traceback__))
    summary = traceback.extract_tb(error.__traceback__)
    called = [*(frozenset({frame.f_code.co_name}) for frame, _ in walked[1:]), _IN_C]
    sites = []
    for (frame, _), line, names in zip(walked, summary, called, strict=True):
        if _is_users(line.filename):
            text = _asserted(_segment(line), names)
            where = f"{_from(root, line.filename)}:{line.lineno}"
            sites.append(_Site(text, where, _expression(text), frame))
    return sites


def _from(root: str | None, path: str) -> str:
    """A file as findings name it: from the run's folder, where it is in that."""
    if root is None:
        return os.path.basename(path)
    return os.path.relpath(path, root) if path.startswith(root + os.sep) else path


def _is_users(filename: str) -> bool:
    if filename.startswith((_HERE, _anyrigs(), "<")) or any(
        folder in filename for folder in _FOLDERS
    ):
        return False
    return not filename.startswith((_STDLIB, os.path.dirname(asyncio.__file__)))


@functools.cache
def _anyrigs() -> str:
    import anyrig  # not before pytest has: it is a plugin, too

    return os.path.dirname(anyrig.__file__) + os.sep


def _segment(line: traceback.FrameSummary) -> str:
    """What runs at the line, by its columns; the whole line where they are not known."""
    whole = linecache.getline(line.filename, line.lineno or 0)
    if line.colno is None or line.end_colno is None or line.end_lineno != line.lineno:
        return whole.strip()
    raw = whole.encode()[line.colno : line.end_colno]
    return raw.decode(errors="replace").strip()


def _asserted(text: str, names: frozenset[str]) -> str:
    """What runs in an assert: what calls a function of these names, or the one thing that may.

    Before 8.3.4, pytest gives each part of an assert the columns of the whole of it.
    """
    statement = _statement(text)
    if not isinstance(statement, ast.Assert):
        return text
    parts = [one for one in ast.walk(statement) if isinstance(one, ast.Await | ast.Call)]
    awaits = [one for one in parts if isinstance(one, ast.Await)]
    named = [one for one in (*awaits, *parts) if _called(one) in names]
    found = named[:1] or awaits or parts
    return ast.unparse(found[0]) if len(found) == 1 else text


def _called(node: ast.expr) -> str | None:
    """The name of the function that is called, and may be awaited, there."""
    call = node.value if isinstance(node, ast.Await) else node
    function = call.func if isinstance(call, ast.Call) else None
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else None


def _statement(text: str) -> ast.stmt | None:
    """The statement that is the text, as one of an async function's."""
    try:
        tree = ast.parse(f"async def _():\n {text}").body[0]
    except SyntaxError:
        return None
    return tree.body[0] if isinstance(tree, ast.AsyncFunctionDef) else None


def _expression(text: str) -> ast.expr | None:
    """The expression that is awaited, or that is the text."""
    node = getattr(_statement(text), "value", None)
    if isinstance(node, ast.Await):
        node = node.value
    return node if isinstance(node, ast.expr) else None


def _of_loop(sites: list[_Site]) -> Iterator[str]:
    """The words for a call that wants asyncio's loop to run: what calls it is to run there."""
    inner = sites[-1]
    yield f"`{inner.text}` ({inner.where}) needs asyncio's loop, and the test runs on trio"
    caller = next((one.node for one in sites[:-1] if one.is_awaited), None)
    if isinstance(caller, ast.Call):
        yield f"mend:   await {_moved(caller)}"
        yield f"        in the place of `await {ast.unparse(caller)}`"
    else:
        yield "mend:   move what needs the loop into an `async def` of its own, and"
        yield "            await anyrig_compat.on_asyncio(that_function)"
    yield 'or:     leave the test on asyncio: @pytest.mark.anyrig(backends=["asyncio"])'


def _moved(call: ast.Call) -> str:
    """A call of an async function as one that runs on asyncio's side."""
    given = [call.func, *call.args, *call.keywords]
    return f"anyrig_compat.on_asyncio({', '.join(map(ast.unparse, given))})"


def _words(site: _Site, fixture: str | None) -> Iterator[str]:
    yield f"`{site.text}` ({site.where}) is asyncio's, and the test runs on trio"
    if fixture is not None:
        yield f"it came from the fixture `{fixture}`"
    node = site.node
    if isinstance(node, ast.Call):
        yield f"mend:   await {_moved(node)}"
        if isinstance(node.func, ast.Attribute):
            owner = ast.unparse(node.func.value)
            if owner != "asyncio":
                yield f"or:     {owner} = anyrig_compat.bridge({owner})"
    else:
        text = "..." if node is None else ast.unparse(node)
        yield f"mend:   anyrig_compat.bridge({text})"


def _fixture_of(site: _Site, fixtures: Mapping[str, Any]) -> str | None:
    """The fixture that gave what the expression begins with, or gave what holds it."""
    node: ast.AST | None = site.node
    while isinstance(node, ast.Attribute | ast.Call | ast.Subscript | ast.Await):
        node = node.func if isinstance(node, ast.Call) else node.value
    if not isinstance(node, ast.Name):
        return None
    variables = {**site.frame.f_globals, **site.frame.f_locals}
    if node.id not in variables:
        return None
    thing = variables[node.id]
    if isinstance(thing, type(sys)):
        return None
    holds = (name for name, value in fixtures.items() if _is_within(thing, value))
    exact = (name for name, value in fixtures.items() if value is thing)
    proxies = sys.modules.get("anyrig_compat.proxies")
    origin: str | None = None if proxies is None else proxies.origin_of(thing)
    return origin or next(exact, None) or next(holds, None)


def _is_within(thing: object, value: object) -> bool:
    level, seen = [value], {id(value)}
    for _ in range(_DEPTH):
        held = [part for one in level for part in _parts(one)]
        if any(part is thing for part in held):
            return True
        level = [part for part in held if id(part) not in seen][:_MANY]
        seen.update(map(id, level))
    return False


def _parts(value: Any) -> list[Any]:
    """What a value holds, without running any code of it."""
    if type(value) in (list, tuple, set, frozenset):
        return list(value)
    if type(value) is dict:
        return list(value.values())
    attributes = getattr(value, "__dict__", None)
    is_plain = type(attributes) is dict and not isinstance(value, type | type(sys))
    return list(attributes.values()) if is_plain and attributes is not None else []
