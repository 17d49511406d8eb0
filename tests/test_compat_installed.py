"""Whether pytest-asyncio is installed, and what its uninstalling leaves behind."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from importlib import metadata
from importlib.machinery import PathFinder
from pathlib import Path

import pytest

from anyrig_compat import stand_in
from inner import Suite
from support import Ran, run

MARKED = """
import pytest
import pytest_asyncio

@pytest_asyncio.fixture
async def one():
    return 1

@pytest.mark.asyncio
async def test_it(one):
    assert one == 1
"""
# pytest as from the command line, in an environment whose pytest-asyncio is in `site`, or nowhere
LAUNCHER = """
import sys
from importlib import metadata
from importlib.machinery import PathFinder

import pytest

site, *arguments = sys.argv[1:]
sys.path.insert(0, site)

class Elsewhere:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name != "pytest_asyncio":
            return None
        sys.path_importer_cache.clear()
        return PathFinder.find_spec(name, [site])

class Others:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "pytest_asyncio" and path is None:
            others = [one for one in sys.meta_path if one not in (Elsewhere, Others, PathFinder)]
            specs = (one.find_spec(name, path, target) for one in others)
            found = next((spec for spec in specs if spec is not None), None)
            if found is None:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)
            return found
        return None

sys.meta_path[:0] = [Elsewhere, Others]
discover = metadata.Distribution.discover

def discovered(**context):
    for one in discover(**context):
        if one.metadata["Name"] != "pytest-asyncio" or str(one.locate_file("")) == site:
            yield one

metadata.Distribution.discover = discovered
sys.exit(pytest.main(["-p", "no:cacheprovider", *arguments]))
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder from which this process imports, beside the standard library."""
    folder = tmp_path / "site"
    folder.mkdir()
    for name in [one for one in sys.modules if one.partition(".")[0] == "pytest_asyncio"]:
        monkeypatch.delitem(sys.modules, name)
    standard = [one for one in sys.path if not (Path(one) / "pytest").is_dir()]
    monkeypatch.setattr(sys, "path", [str(folder), *standard])
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    importlib.invalidate_caches()
    return folder


def plant(site: Path, *parts: str) -> None:
    """Put parts of an installed pytest-asyncio into a folder."""
    files = {
        "bytecode": ("pytest_asyncio/__pycache__/plugin.cpython-313-pytest-9.2.0.pyc", ""),
        "package": ("pytest_asyncio/__init__.py", ""),
        "plugin": ("pytest_asyncio/plugin.py", ""),
        "metadata": (
            "pytest_asyncio-1.5.0.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: pytest-asyncio\nVersion: 1.5.0\n",
        ),
    }
    for part in parts:
        name, text = files[part]
        path = site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    importlib.invalidate_caches()


@pytest.mark.parametrize(
    ("parts", "is_there"),
    [
        ((), False),
        (("bytecode",), False),
        (("plugin", "bytecode"), False),
        (("metadata",), False),
        (("metadata", "bytecode"), False),
        (("package", "plugin"), False),  # sources on the path: pytest loads no plugin of them
        (("package", "plugin", "metadata"), True),
        (("package", "plugin", "metadata", "bytecode"), True),
    ],
)
def test_what_is_an_installed_one(site: Path, parts: tuple[str, ...], is_there: bool) -> None:
    """It is installed where there is a module of its own and its metadata, whatever else is."""
    plant(site, *parts)
    assert stand_in.is_installed() is is_there


def test_an_editable_one_is_installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that a finder of its own gives, from a folder of sources, is as good as any."""
    plant(site, "metadata")
    sources = site.parent / "sources"
    plant(sources, "package", "plugin")

    class Editable:
        @staticmethod
        def find_spec(name: str, path: object = None, target: object = None) -> object:
            return PathFinder.find_spec(name, [str(sources)])

    monkeypatch.setattr(sys, "meta_path", [Editable, *sys.meta_path])
    assert stand_in.is_installed()


def test_the_stand_in_is_no_real_one(site: Path) -> None:
    """What the shim itself gives for ``import pytest_asyncio`` is not taken for the real one."""
    with stand_in.importable():
        assert stand_in.is_stand_in(importlib.import_module("pytest_asyncio"))
        assert not stand_in.is_real()
    assert not stand_in.is_stand_in(pytest)


def start(suite: Suite, site: Path, *arguments: str, **environment: str) -> Ran:
    """Run a suite as with the plugins that are installed, where pytest-asyncio is in a folder."""
    suite.write("launcher.py", LAUNCHER)
    others = ("randomly", "xdist", "timeout", "trio", "aiohttp", "hypothesispytest")
    off = [word for name in others for word in ("-p", f"no:{name}")]
    return run(
        [sys.executable, "launcher.py", str(site), *off, *arguments], suite.path, environment
    )


def uninstall(site: Path) -> None:
    """Take away the files that a wheel brought, and the folders that are empty then."""
    for path in metadata.Distribution.at(next(site.glob("*.dist-info"))).files or ():
        file = site / path
        file.unlink(missing_ok=True)
        if "__pycache__" not in file.parts and file.suffix == ".py":
            for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*"):
                if "-pytest-" not in compiled.name:
                    compiled.unlink()
    for folder, _, _ in os.walk(site, topdown=False):
        if folder != str(site) and not os.listdir(folder):
            os.rmdir(folder)


def test_the_first_steps(suite: Suite) -> None:
    """A suite runs with pytest-asyncio, it is uninstalled, and the suite runs on the shim.

    pytest leaves its rewritten bytecode in the folder of the package.
    """
    real = pytest.importorskip("pytest_asyncio", reason="it is what is uninstalled")
    site = suite.path / "site"
    package = Path(real.__file__).parent
    shutil.copytree(package, site / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    info = next(package.parent.glob("pytest_asyncio-*.dist-info"))
    shutil.copytree(info, site / info.name)
    suite.write("pytest.ini", "[pytest]\n")
    suite.write("tests/test_it.py", MARKED)
    before = start(suite, site, "tests", PYTHONDONTWRITEBYTECODE="")
    assert (before.status, before.counts) == (0, {"passed": 1}), before.text
    uninstall(site)
    assert {one.suffix for one in site.rglob("*") if one.is_file()} == {".pyc"}
    for arguments in (["-p", "anyrig_compat"], ["-p", "anyrig_compat", "-p", "no:asyncio"]):
        after = start(suite, site, *arguments, "tests")
        assert (after.status, after.counts) == (0, {"passed": 1}), after.text
        assert "anyrig_compat: in the place of pytest-asyncio" in after.text
    suite.write("conftest.py", 'pytest_plugins = ["anyrig_compat"]\n')
    from_conftest = start(suite, site, "tests")
    assert (from_conftest.status, from_conftest.counts) == (0, {"passed": 1}), from_conftest.text


@pytest.mark.parametrize(
    ("parts", "arguments", "variable"),
    [
        (("metadata",), (), ""),  # the folder was taken away by hand
        (("package", "plugin", "metadata"), ("-p", "no:asyncio"), ""),
        (("package", "plugin", "metadata"), ("-p", "anyio", "-p", "anyrig"), "1"),
    ],
)
def test_one_that_is_not_in_force(
    suite: Suite, parts: tuple[str, ...], arguments: tuple[str, ...], variable: str
) -> None:
    """One that is half there, switched off or not loaded leaves the tests to the shim."""
    site = suite.path / "site"
    plant(site, *parts)
    suite.write("pytest.ini", "[pytest]\n")
    suite.write("tests/test_it.py", MARKED)
    ran = start(
        suite,
        site,
        *("-p", "anyrig_compat"),
        *arguments,
        "tests",
        PYTEST_DISABLE_PLUGIN_AUTOLOAD=variable,
    )
    assert (ran.status, ran.counts) == (0, {"passed": 1}), ran.text
