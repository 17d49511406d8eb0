"""Small suites that the tests of anyrig write and run: ``suite.run()``, ``suite.spawn()``."""

from __future__ import annotations

import signal
import sys
from typing import Any

import pytest

from inner import Suite

pytest_plugins = ["pytester"]

# file -> how the tests in it begin that look at one run
LOOK_AT_ONE_RUN: dict[str, tuple[str, ...]] = {
    "test_demo.py": ("test_it_",),
    "test_compat_web.py": (
        "test_clients_",
        "test_what_could_",
        "test_missed_",
        "test_class_",
        "test_async_",
        "test_loop_",
    ),
    "test_mocks_misawaited.py": ("test_it_is_told", "test_others_"),
}

# a shell's job in the background ignores Ctrl-C, and so would all that the tests start
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the mark of what .ci/run asks of two environments and not of each.

    What has to do with neither the Python nor the versions of what we stand on, such as the
    pages of the docs, the demo, the benchmarks' tables, and whether the corpus notices what is
    broken, is tested with the newest on the README's Python and with the lowest on the oldest.
    Without ``-m``, all is.
    """
    config.addinivalue_line("markers", "once: the Pythons between the two extremes add nothing")


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """An empty suite in a folder of its own."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_XDIST_WORKER", "CI", "BUILD_NUMBER"):
        monkeypatch.delenv(name, raising=False)
    # to bytecode that is kept, two texts of one length that are written in one second are one
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return Suite(pytester)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Have the tests of one world of the corpus on one worker: its samples run once, and first.

    And those that type the mends of its samples, on a backend, and others that look at one run.
    """
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

    class ByWorld(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            path, _, test = nodeid.partition("::")
            world = test.partition("[")[2].rstrip("]")
            if path.endswith("test_mends.py") and test.startswith(("test_code", "test_typed")):
                return f"mends {world}"
            file = path.rpartition("/")[2]
            if test.startswith(LOOK_AT_ONE_RUN.get(file, ())):
                return file
            if not path.endswith("test_corpus.py") or not world.startswith(("asyncio", "trio")):
                return nodeid
            return world if " " in world else f"{world} plain"

    return ByWorld(config, log)
