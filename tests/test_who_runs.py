"""Plugins by all their names, and tests that another plugin runs."""

from __future__ import annotations

import pytest

from inner import Suite
from support import Ran

ASYNC = "async def test_it():\n    pass\n"
WITHOUT = "anyrig: anyio's pytest plugin is not loaded, and runs no async test: "
BOTH = "anyrig: anyio_mode and asyncio_mode are both auto, and pytest-asyncio runs each async test"


@pytest.mark.parametrize(
    "plugins",
    [
        ("anyio", "anyrig"),
        ("anyio.pytest_plugin", "anyrig.plugin"),
        ("anyrig.plugin", "anyio.pytest_plugin"),
        ("anyrig", "anyio.pytest_plugin"),
        ("anyrig.plugin", "anyio"),
        ("anyio.pytest_plugin", "anyrig.plugin", "anyrig_compat"),
        ("anyrig_compat", "anyrig.plugin", "anyio.pytest_plugin"),
    ],
)
def test_each_name_of_a_plugin(suite: Suite, plugins: tuple[str, ...]) -> None:
    """The backends are those of the settings, whichever names load the plugins, in any order."""
    suite.ini("anyrig_backends = trio")
    suite.write("test_it.py", ASYNC)
    ran = suite.spawn("-v", plugins=plugins)
    assert (ran.status, ran.counts) == (0, {"passed": 1}), ran.text
    assert "test_it[trio] PASSED" in ran.text


def test_names_in_a_conftest_and_in_workers(suite: Suite) -> None:
    """So it is where a conftest names them, and in the workers of xdist."""
    suite.ini("anyrig_backends = trio")
    suite.write("conftest.py", 'pytest_plugins = ["anyio.pytest_plugin", "anyrig.plugin"]\n')
    suite.write("test_it.py", ASYNC)
    for arguments in ((), ("-n", "1", "-p", "xdist")):
        ran = suite.spawn("-v", *arguments, plugins=())
        assert (ran.status, ran.counts) == (0, {"passed": 1}), ran.text
        assert "test_it[trio]" in ran.text


@pytest.mark.parametrize(
    ("arguments", "mend"), [((), "add '-p anyio'"), (("-p", "no:anyio"), "take '-p no:anyio' away")]
)
def test_without_anyios_plugin(suite: Suite, arguments: tuple[str, ...], mend: str) -> None:
    """A run without anyio's plugin says so at its top, and below the async tests that failed."""
    suite.ini("filterwarnings = ignore:Unknown config option")
    suite.write("test_it.py", ASYNC)
    for quiet, times in ((), 2), (("-q",), 1):
        ran = suite.spawn(*arguments, *quiet, plugins=("anyrig",))
        assert (ran.status, ran.counts) == (1, {"failed": 1}), ran.text
        assert ran.text.count(WITHOUT + mend) == times
    suite.write("test_it.py", "def test_it():\n    pass\n")
    assert WITHOUT not in suite.spawn(*arguments, "-q", plugins=("anyrig",)).text


def beside(suite: Suite, text: str, *arguments: str, mode: str = "strict") -> Ran:
    """Run a suite beside pytest-asyncio."""
    pytest.importorskip("pytest_asyncio", reason="it runs the tests")
    suite.ini(f"asyncio_mode = {mode}", "asyncio_default_fixture_loop_scope = function")
    suite.write("test_it.py", text)
    return suite.spawn(*arguments, plugins=("anyio", "pytest_asyncio.plugin", "anyrig"))


@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_both_in_auto_mode(suite: Suite, mode: str) -> None:
    """Where both plugins take each async test, one line at the top says so, and what to type."""
    ran = beside(suite, "def test_it():\n    pass\n", mode=mode)
    assert ran.counts["passed"] == 1, ran.text
    assert ran.text.count(BOTH) == (mode == "auto")
