"""What the seams say that they need: that it is all of it, and what is said where one is gone."""

from __future__ import annotations

import ast
import functools
import importlib
import re
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import anyrig
import anyrig_compat
from anyrig import seams
from anyrig.seams import SeamGone, cpython, parts
from anyrig.seams.cpython import unawaited, waiters
from anyrig.seams.needs import Gone, Need, Of, Table, lacking
from anyrig_compat import seams as compat_seams
from anyrig_compat.seams import anyio as compat_anyio
from anyrig_compat.seams import asyncio_loop, asyncio_running, asyncio_tasks
from anyrig_compat.seams import pytest as compat_pytest

FOLDERS = [Path(path).parent / "seams" for path in (anyrig.__file__, anyrig_compat.__file__)]
FILES = [path for folder in FOLDERS for path in sorted(folder.rglob("*.py"))]
TABLES: list[Table] = [
    *seams.tables(),
    *(one.NEEDS for one in (compat_anyio, asyncio_loop, asyncio_running, asyncio_tasks)),
    compat_pytest.NEEDS,
]
NEEDS = list(dict.fromkeys(need for table in TABLES for need in table.needs))
NAMES = [(need, name) for need in NEEDS for name in need.names]

# What is used, and is in no table: why it need not be.
UNASKED = {
    "_getframe": "documented",
    "_is_gil_enabled": "documented, and asked for by getattr()",
    "_cython_": "the beginning of a module's name: where there is none, there is no such coroutine",
    "_pytest": "a package's name: where it is another, a filter of pytest's is taken for a user's",
    "_py_warnings": "a module's name, beside the older one",
    "_asyncio": "a module, whose names are asked for",
    "_eventloop": "a module, whose names are asked for",
    "_run": "a module, whose names are asked for",
    "_interpreters": "a module, which is asked where it is loaded",
    "_xxsubinterpreters": "a module, which is asked where it is loaded",
    "_poll": "a frame of Windows' proactor, among others that are passed over",
    "_proactor": "asked for: without it, the reason why there is no clock has other words",
    "_select": "a function of ours",
    "_select_skipping": "a function of ours",
    "_course": "an attribute of ours, from a base class",
    "_mock_call": "a method of ours, that stands for the stock one",
    "_anyrig_spec": "an attribute of ours",
    "_anyrig_used": "an attribute of ours",
    "_new_name": "an argument that stock mocks pass: their own name for it is asked for",
    "_new_parent": "the same",
}


def _uses(path: Path) -> Iterator[str]:
    """The private names of others that a file looks up, imports, or asks for by text."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    own = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            own.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            own.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            own |= {node.attr} if getattr(node.value, "id", None) == "self" else set()
    for node in ast.walk(tree):
        names: list[Any] = []
        if isinstance(node, ast.Attribute):
            names = [node.attr]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.Constant) and type(node.value) is str:
            names = [node.value]
        for name in names:
            if re.fullmatch(r"_[A-Za-z]\w*", name) and name not in own:
                yield name


def _needs_of(path: Path) -> set[str]:
    """The names in the table of a file, its own or the one in ``parts``, and in those it names."""
    dotted = ".".join(path.with_suffix("").parts[path.parts.index("seams") :])
    package = "anyrig_compat" if "anyrig_compat" in path.parts else "anyrig"
    table: Any = getattr(parts, path.stem.upper(), None)
    if table is None or package != "anyrig":
        table = getattr(sys.modules.get(f"{package}.{dotted}"), "NEEDS", Table())
    return {
        name for need in table.needs for name in (*need.names, *need.owner.split("."), need.module)
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: "/".join(path.parts[-3:]))
def test_each_private_name_is_declared(path: Path) -> None:
    """What a seam uses of others and they do not promise is in its table."""
    if path.name in ("parts.py", "needs.py"):
        return
    assert set(_uses(path)) - _needs_of(path) - set(UNASKED) == set()


def test_what_is_unasked_is_used() -> None:
    """A name that no seam uses any more needs no reason."""
    used = {name for path in FILES for name in _uses(path)}
    assert set(UNASKED) - used == set()


def test_nothing_is_gone_here() -> None:
    """The Python that runs it, and the packages that are installed, have all of it."""
    for module in ("unittest.mock", "anyio._backends._asyncio", "anyio._backends._trio"):
        importlib.import_module(module)
    with suppress(ImportError):  # it is not there for each Python
        importlib.import_module("uvloop")
    assert [str(one.error()) for table in TABLES for one in Table(*table.needs).gone()] == []
    assert list(compat_seams.gone()) == []
    seams.check()
    assert seams.off() == []


def _without(need: Need, name: str) -> dict[str, Any]:
    """The module of a need, as ``sys.modules`` has it, where this name alone is gone."""
    others = [other for other in need.names if other != name]
    owner: Any
    if need.of is Of.KEYS:
        owner = dict.fromkeys(others)
    elif need.of is Of.CODE:
        names: dict[str, Any] = {}
        exec(f"def function({', '.join(others)}): ...", names)
        owner = names["function"]
    elif need.of is Of.LIBRARY:
        import _ctypes

        return {need.module: _ctypes}  # which exports none of them
    elif need.of is Of.INSTANCES:
        body = "; ".join(f"self.{other} = None" for other in others) or "pass"
        names = {}
        exec(f"class Owner:\n def __init__(self): {body}", names)
        owner = names["Owner"]
    else:
        owner = SimpleNamespace(**dict.fromkeys(others))
    for part in reversed(need.owner.split(".") if need.owner else ()):
        owner = SimpleNamespace(**{part: owner})
    return {need.module: owner}


@pytest.mark.parametrize(
    ("need", "name"), NAMES, ids=[f"{need.module}.{need.owner}.{name}" for need, name in NAMES]
)
def test_name_that_is_gone_is_told_in_a_line(
    monkeypatch: pytest.MonkeyPatch, need: Need, name: str
) -> None:
    """Which package and version, which name, and what to do; or what the run does without."""
    table = Table(need._replace(since=(3, 0), before=(4, 0)))
    monkeypatch.setattr(seams, "tables", lambda: [table])
    with monkeypatch.context() as patch:
        for module, stand_in in _without(need, name).items():
            patch.setitem(sys.modules, module, stand_in)
        [gone] = table.gone()
    dotted = ".".join(filter(None, (need.module, need.owner, name)))
    assert dotted in gone.names
    text = str(gone.error())
    assert "\n" not in text
    assert f"Install a newer anyrig, or an older {gone.package}" in text
    assert gone.line().startswith(f"off: {need.part}: {gone.package} {gone.version} has no ")
    if need.is_vital:
        assert f"can't watch with {gone.package} {gone.version}: " in text
        assert f"{dotted} is gone ({need.part})." in text or len(gone.names) > 1
        with pytest.raises(SeamGone, match=re.escape(text)):
            seams.check()
    else:
        seams.check()
        assert seams.off() == [gone.line()]
        assert text.startswith(gone.line())


def test_owner_that_is_gone_is_told() -> None:
    """Where a class itself is gone, it is what is named."""
    need = Need("a part", "threading", "Nowhere.within", ("name",))
    assert list(lacking(need)) == ["threading.Nowhere"]


def test_name_is_asked_for_once_its_module_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not loaded is not imported for the question, and asked for when it is there."""
    need = Need("a part", "anyrig_none_such", "", ("name",))
    table = Table(need)
    assert table.gone() == []
    monkeypatch.setitem(sys.modules, "anyrig_none_such", SimpleNamespace())
    assert [one.names for one in table.gone()] == [("anyrig_none_such.name",)]
    with pytest.raises(SeamGone, match="anyrig_none_such"):
        table.require()


def test_name_is_found_behind_what_stands_around_a_method() -> None:
    """A method that another library has wrapped is asked as it was."""

    class Wrapped:
        def __init__(self) -> None:
            self.name = 1

    inner = Wrapped.__init__

    @functools.wraps(inner)
    def outer(self: Any) -> None:
        inner(self)

    Wrapped.__init__ = outer  # type: ignore[method-assign]
    need = Need("a part", __name__, "Wrapped", ("name",), Of.INSTANCES)
    globals()["Wrapped"] = Wrapped
    try:
        assert list(lacking(need)) == []
        assert list(lacking(need._replace(names=("other",)))) == [f"{__name__}.Wrapped.other"]
    finally:
        del globals()["Wrapped"]


@pytest.fixture
def anew() -> Iterator[None]:
    """What is asked of planted objects is asked once more, and again after the test."""
    questions = (unawaited.is_heard, waiters.is_heard)
    for question in questions:
        question.cache_clear()
    yield
    for question in questions:
        question.cache_clear()


@pytest.mark.anyrig(missed_awaits="off")  # what is planted dies unheard
@pytest.mark.usefixtures("anew")
def test_hook_that_is_not_called_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where an interpreter calls something else for a coroutine that dies, the header says so."""
    assert unawaited.is_heard()
    unawaited.is_heard.cache_clear()
    monkeypatch.setattr(unawaited, "_SLOT", "_warn_nothing")
    monkeypatch.setattr(warnings, "_warn_nothing", print, raising=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        [line] = cpython.moved()
    assert line.startswith("missed awaits are told as warnings, or not at all: CPython ")


@pytest.mark.usefixtures("anew")
def test_event_that_tells_nobody_is_an_error_where_it_is_awaited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where an event does not call who waits for it, `until` says so and does not wait."""
    called: list[str] = []
    waiters.on_set(threading.Event(), lambda: called.append("never"))()
    waiters.is_heard.cache_clear()
    monkeypatch.setattr(threading.Condition, "notify", lambda self, n=1: None)
    monkeypatch.setattr(threading.Condition, "notify_all", lambda self: None)
    with pytest.raises(SeamGone, match=r"^off: until\(event\): "):
        waiters.on_set(threading.Event(), lambda: called.append("never"))
    assert called == []


def test_what_pytest_lacks_is_told_by_its_name() -> None:
    """Its modules are in a package of another name."""
    gone = Gone(Need("a part", "_pytest.fixtures", "", ("name",)), ("_pytest.fixtures.name",))
    assert (gone.package, gone.version) == ("pytest", pytest.__version__)
