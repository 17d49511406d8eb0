"""Arrows run one way, findings <- checks <- rig <- plugin; one that runs back is named here."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import anyrig

SRC = Path(anyrig.__file__).parent
MODULES = sorted(path.relative_to(SRC).with_suffix("").as_posix() for path in SRC.rglob("*.py"))

# What stands lower is imported by what stands higher, never the other way; `runs later` imports
# (inside a function) count as well.
LAYERS = (
    (
        *(
            "_version",
            "own",
            "frozen",
            "latches",
            "annotations",
            "plain_imports",
            "safe",
            "columns",
            "findings",
            "ends",
        ),
        *("backends", "contexts", "losses", "source", "libraries", "internal"),
        *("sites", "edits", "rewrites", "reach"),
        *("clock/course", "seams/"),
    ),
    (
        *("origins", "polled", "guests", "interrupts", "elsewhere", "settings", "settings_file"),
        "known",
        *("holders", "live_fixtures", "who_runs", "runners/", "clock/"),
    ),
    ("tasks/", "mocks/"),
    ("waiting/", "clock/face"),
    ("checks/", "backend_fixture", "allowances", "report/words"),
    ("loop_riddles",),
    ("rulings", "riddles", "runner_host", "wakers", "watchdog", "whereabouts"),
    ("limits",),
    ("rig",),
    ("unseen", "postmortem", "phases", "report/", "fixtures", "services", "loops"),
    ("plugin", "__init__", "cli/", "__main__"),
)


def _imports(module: str) -> Iterator[tuple[int, str]]:
    """The line and the dotted name of each thing that a module of ours imports, ours as paths."""
    path = SRC / f"{module}.py"
    package = ["anyrig", *module.split("/")[:-1]]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            prefix = ".".join([*base, *(node.module.split(".") if node.module else [])])
            yield from ((node.lineno, f"{prefix}.{alias.name}") for alias in node.names)


def _ours(dotted: str) -> str | None:
    """The module of ours that a dotted name stands in, as in `MODULES`; None where none is."""
    parts = dotted.split(".")
    if parts[0] != "anyrig":
        return None
    for end in range(len(parts), 0, -1):
        name = "/".join(parts[1:end])
        for module in (name, f"{name}/__init__" if name else "__init__"):
            if module in MODULES:
                return module
    raise AssertionError(f"{dotted} is no module of anyrig")


def _layer(module: str) -> int:
    places = [
        (len(entry), number)
        for number, layer in enumerate(LAYERS)
        for entry in layer
        if module == entry or (entry.endswith("/") and module.startswith(entry))
    ]
    assert places, f"{module} stands in no layer: add it to LAYERS"
    return max(places)[1]


@pytest.mark.parametrize("module", MODULES)
def test_no_arrow_runs_back(module: str) -> None:
    """A module imports what stands beside or below it, never what stands above."""
    back = [
        f"src/anyrig/{module}.py:{line} imports {name}"
        for line, name in _imports(module)
        if (ours := _ours(name)) is not None
        and ours != "__init__"
        and _layer(ours) > _layer(module)
    ]
    assert back == []


def test_findings_imports_nothing_of_ours() -> None:
    """The vocabulary stands alone, on what makes a text safe to print."""
    assert {_ours(name) for _, name in _imports("findings")} <= {None, "safe"}
    assert {_ours(name) for _, name in _imports("safe")} <= {None, "own"}


@pytest.mark.parametrize("module", [one for one in MODULES if one not in ("plugin", "__init__")])
def test_nobody_imports_the_plugin(module: str) -> None:
    """pytest alone imports the plugin's module."""
    assert [name for _, name in _imports(module) if _ours(name) == "plugin"] == []


@pytest.mark.parametrize("module", MODULES)
def test_anyrig_never_imports_its_shim(module: str) -> None:
    """The shim stands on anyrig's public names, and anyrig knows nothing of it."""
    assert [name for _, name in _imports(module) if name.startswith("anyrig_compat")] == []


@pytest.mark.parametrize("module", [one for one in MODULES if one.startswith("checks/")])
def test_checks_know_no_pytest(module: str) -> None:
    """A check can be tried in a REPL: it does not import pytest."""
    assert [name for _, name in _imports(module) if name.partition(".")[0] == "pytest"] == []


PROMISED = {"_getframe", "_replace", "_asdict", "_thread"}  # documented, underscore and all


def _is_private(name: str) -> bool:
    return re.match(r"_[a-z]", name) is not None and name not in PROMISED


def _own_names(tree: ast.AST) -> set[str]:
    """The names that a module itself gives: to functions, classes, variables and attributes."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            names.add(node.id if isinstance(node, ast.Name) else node.attr)
    return names


def _private_uses(module: str) -> Iterator[str]:
    """Each private name of somebody else's that a module imports, looks up or asks for by text."""
    for line, name in _imports(module):
        if _ours(name) is None and any(map(_is_private, name.split("."))):
            yield f"src/anyrig/{module}.py:{line} imports {name}"
    tree = ast.parse((SRC / f"{module}.py").read_text(encoding="utf-8"))
    own = _own_names(tree)
    for node in ast.walk(tree):
        used: str | None = None
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            used = node.attr
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("getattr", "hasattr"):
            used = getattr(node.args[1], "value", None)
        if isinstance(used, str) and _is_private(used) and used not in own:
            yield f"src/anyrig/{module}.py:{getattr(node, 'lineno', 0)} uses {used}"


@pytest.mark.parametrize("module", [one for one in MODULES if not one.startswith("seams/")])
def test_private_names_stand_in_seams_alone(module: str) -> None:
    """What a neighbour does not promise is used in ``seams/`` and nowhere else."""
    assert list(_private_uses(module)) == []


def test_plugin_is_cheap_to_import() -> None:
    """Importing the plugin imports no async library, no mock, no LibCST and not the CLI."""
    script = "import sys, json, pytest; before = set(sys.modules); import anyrig.plugin; "
    script += "print(json.dumps(sorted(set(sys.modules) - before)))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    imported = {name for name in json.loads(done.stdout) if not name.startswith("anyrig.cli")}
    heavy = {"trio", "anyio", "sniffio", "wrapt", "libcst", "uvloop", "hypothesis", "xdist"}
    heavy |= {"unittest.mock", "anyrig_compat"}
    assert heavy & imported == set()
    assert "anyrig.cli" not in json.loads(done.stdout)
