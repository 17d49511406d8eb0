"""What tests replace is not what anyrig calls: its own copies of other modules' names."""

from __future__ import annotations

import ast
import importlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import anyrig
import anyrig_compat
from anyrig import own

KEPT = {name for name in own.__all__ if name != "keep"}
SRC = Path(anyrig.__file__).parent
SHIM = Path(anyrig_compat.__file__).parent
# the command runs no tests
OURS = [path for path in sorted(SRC.rglob("*.py")) if path.parent.name != "cli"]
OURS = [path for path in [*OURS, *sorted(SHIM.rglob("*.py"))] if path != SRC / "own.py"]

# Who uses a module itself, and for what: what is set or read there is state, and no function.
THEMSELVES = {
    SRC / "plain_imports.py": {"sys"},  # stands before all others of ours
    SRC / "frozen.py": {"time"},  # asks whether its clocks are replaced
    SRC / "clock/wall.py": {"time"},  # moves what it says, from what it says
    SRC / "seams/cpython/excepthooks.py": {"sys", "threading"},  # sets their hooks
    SRC / "seams/cpython/filters.py": {"warnings"},  # puts a filter before all others
    SRC / "seams/cpython/unawaited.py": {"warnings"},  # stands where the interpreter calls
    SRC / "seams/cpython/warning_contexts.py": {"warnings"},  # reads which filters count
    SHIM / "fast_sleep.py": {"asyncio"},  # replaces `asyncio.sleep` for a test
}


def _for_types(tree: ast.AST) -> set[ast.AST]:
    """What stands under ``if TYPE_CHECKING``."""
    blocks = [node for node in ast.walk(tree) if isinstance(node, ast.If)]
    unseen = [block for block in blocks if getattr(block.test, "id", "") == "TYPE_CHECKING"]
    return {node for block in unseen for child in block.body for node in ast.walk(child)}


def _not_own(tree: ast.AST) -> Iterator[str]:
    """Each import of a module that has a copy, and of what is no class and no module of it."""
    unseen = _for_types(tree)
    for node in ast.walk(tree):
        if node in unseen:
            continue
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names if one.name.partition(".")[0] in KEPT)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            module = str(node.module)
            if module.partition(".")[0] in KEPT:
                names = [f"{module}.{one.name}" for one in node.names]
                yield from (one for one in names if not isinstance(_named(one), type | ModuleType))


def _named(dotted: str) -> object:
    module, _, name = dotted.rpartition(".")
    thing = getattr(importlib.import_module(module), name, None)
    return importlib.import_module(dotted) if thing is None else thing


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.stem)
def test_our_calls_are_those_of_our_own_copies(path: Path) -> None:
    """A module of ours takes ``from .own import time`` where it would take ``import time``."""
    found = set(_not_own(ast.parse(path.read_text(encoding="utf-8"))))
    assert found == THEMSELVES.get(path, set())


def test_a_copy_does_not_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """Functions, classes and constants stay; in modules within a module too."""
    import os

    monkeypatch.setattr(time, "monotonic", lambda: 0.0)
    monkeypatch.setattr(os.path, "join", lambda *parts: "")
    assert own.time.monotonic() > 0
    assert own.os.path.join("a", "b") == f"a{os.sep}b"


def test_state_is_looked_up_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hooks, and what is no function, are as they are now."""
    import sys

    monkeypatch.setattr(threading, "excepthook", print)
    monkeypatch.setattr(sys, "argv", ["other"])
    assert own.threading.excepthook is print
    assert own.sys.argv == ["other"]


def test_nothing_is_set_in_a_copy() -> None:
    """What is to be set is set in the module: here it would be lost without a word."""
    with pytest.raises(AttributeError, match="time is set in the module time itself"):
        setattr(own.time, "time", print)  # noqa: B010 - a type checker would refuse the other way


def test_a_module_without_a_copy() -> None:
    """It is no name of ours."""
    with pytest.raises(AttributeError, match=r"module 'anyrig\.own' has no attribute 'statistics'"):
        getattr(own, "statistics")  # noqa: B009 - a type checker would refuse the other way
