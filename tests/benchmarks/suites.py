"""The suites that are measured: many trivial async tests, and a heap as large as asked for."""

from __future__ import annotations

import importlib.metadata
import sys
from dataclasses import dataclass
from pathlib import Path

from measuring import Command

_IN_A_FILE = 100

# a tuple of a list is two objects, and the collector follows both
_CONFTEST = """\
import gc

import pytest


class Heap:
    def __init__(self):
        was_on = gc.isenabled()
        gc.disable()
        self.objects = [([],) for _ in range({objects} // 2)]
        if was_on:
            gc.enable()


def pytest_sessionstart(session):
    session.stash[pytest.StashKey()] = Heap()
"""


@dataclass(frozen=True, slots=True)
class Runner:
    """What runs the tests: the plugins to load and no others, and what tells them to run all."""

    name: str
    plugins: tuple[str, ...]  # by their entry points
    setting: str
    distribution: str

    def is_installed(self) -> bool:
        """Whether the distribution that brings it is there."""
        try:
            importlib.metadata.version(self.distribution)
        except importlib.metadata.PackageNotFoundError:
            return False
        return True

    def command(self, folder: Path) -> Command:
        """pytest in this folder, with the runner's plugins and no others."""
        plugins = (word for plugin in self.plugins for word in ("-p", plugin))
        return Command(
            (sys.executable, "-m", "pytest", "-q", *plugins, "-o", self.setting),
            folder,
            {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""},
        )


ANYIO = Runner("anyio alone", ("anyio",), "anyio_mode=auto", "anyio")
ANYRIG = Runner("anyrig", ("anyio", "anyrig"), "anyio_mode=auto", "anyrig")
PYTEST_ASYNCIO = Runner("pytest-asyncio", ("asyncio",), "asyncio_mode=auto", "pytest-asyncio")
# what `-p` names comes before what is installed
SHIM = Runner("the shim", ("anyrig_compat", "anyio", "anyrig"), "asyncio_mode=auto", "anyrig")
OTHERS = (
    PYTEST_ASYNCIO,
    Runner("pytest-trio", ("trio",), "trio_mode=true", "pytest-trio"),
)


def write_suite(folder: Path, *, tests: int, objects: int = 0) -> Path:
    """Write a suite of that many trivial tests, with that many more objects alive."""
    folder.mkdir(parents=True)
    (folder / "pytest.ini").write_text("[pytest]\n")
    if objects:
        (folder / "conftest.py").write_text(_CONFTEST.format(objects=objects))
    for first in range(0, tests, _IN_A_FILE):
        numbers = range(first, min(first + _IN_A_FILE, tests))
        text = "\n\n".join(f"async def test_{number}():\n    assert True\n" for number in numbers)
        (folder / f"test_{first}.py").write_text(text)
    return folder
