"""The coroutine type of compiled code, found in a module that Cython's runtime makes."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from types import ModuleType

import pytest

from anyrig.seams.cython import coroutine_types

ASKS = """
from anyrig.seams.cython import coroutine_types
assert not coroutine_types()
import compiled
coroutine = compiled.save()
print(type(coroutine) in coroutine_types())
coroutine.close()
"""


def test_type_is_found_in_a_runtimes_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each ``_cython_…`` module that is imported is asked for its ``coroutine`` type."""
    runtime = ModuleType("_cython_9_9_9")
    vars(runtime)["coroutine"] = kind = type("coroutine", (), {})
    monkeypatch.setitem(sys.modules, "_cython_9_9_9", runtime)
    monkeypatch.setitem(sys.modules, "_cython_9_9_8", ModuleType("_cython_9_9_8"))
    assert kind in coroutine_types()


def test_cython_has_coroutine_in_its__cython_module(tmp_path: Path) -> None:
    """A compiled coroutine is of the type that stands in the module of Cython's runtime."""
    pytest.importorskip("Cython")
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    (tmp_path / "compiled.pyx").write_text("async def save():\n    return 1\n")
    library = f"compiled{sysconfig.get_config_var('EXT_SUFFIX')}"
    include = f"-I{sysconfig.get_path('include')}"
    _run(tmp_path, sys.executable, "-m", "cython", "-3", "compiled.pyx")
    _run(tmp_path, compiler, "-O0", "-shared", "-fPIC", include, "compiled.c", "-o", library)
    assert _run(tmp_path, sys.executable, "-c", ASKS) == "True\n"


def _run(folder: Path, *command: str) -> str:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
