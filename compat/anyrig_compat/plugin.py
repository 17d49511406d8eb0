"""The shim as a pytest plugin: steps back for the real pytest-asyncio, or takes its place.

PYTEST_DONT_REWRITE: an assert of ours shows nothing to a user.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest

from . import names as names_module
from . import seams
from .names import BACKENDS, Names
from .seams import anyio as anyio_seam
from .seams.pytest import asked_plugins, loads_installed
from .stand_in import importable, is_installed, is_real, is_stand_in

_STEPS_BACK = (
    "anyrig_compat: pytest-asyncio is installed and runs the tests: the shim steps back. "
    "Uninstall it (pip uninstall pytest-asyncio), or run with '-p no:asyncio'"
)
_NEEDED = {"anyio": "anyio.pytest_plugin", "anyrig": "anyrig.plugin"}
_ENTRY_POINT = "asyncio"  # by which pytest loads, and blocks, what is installed
_REAL_NAMES = (_ENTRY_POINT, "pytest_asyncio.plugin", "pytest_asyncio")


def _is_real_there(manager: pytest.PytestPluginManager) -> bool:
    """Whether the real pytest-asyncio is in force in this run."""
    plugins = map(manager.get_plugin, _REAL_NAMES)
    if any(plugin is not None and not is_stand_in(plugin) for plugin in plugins):
        return True
    # what stands after `-p anyrig_compat` has not been looked at yet
    asked = asked_plugins(manager)
    if not asked.isdisjoint(_REAL_NAMES):
        return is_real()
    if manager.is_blocked(_ENTRY_POINT) or f"no:{_ENTRY_POINT}" in asked:
        return False
    return loads_installed(manager) and is_installed()


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    if not _is_real_there(pluginmanager):
        names_module.add_options(parser)
        pluginmanager.add_hookspecs(names_module.Hooks)
        anyio_seam.import_plugin()
        config: Any = pluginmanager.get_plugin("pytestconfig")
        # before any file of the suite is imported
        ends = ExitStack()
        ends.enter_context(importable())
        config.add_cleanup(ends.close)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    manager = config.pluginmanager
    modules = {getattr(plugin, "__name__", None) for _, plugin in manager.list_name_plugin()}
    lacking = [name for name in _NEEDED if _NEEDED[name] not in modules]
    if lacking:
        raise pytest.UsageError(
            f"anyrig_compat runs tests through the plugins anyio and anyrig; this run has no "
            f"{' and no '.join(lacking)}: take '-p no:...' away, or name them with '-p'"
        )
    if _is_real_there(manager):
        return
    for gone in seams.gone():
        raise pytest.UsageError(str(gone.error()))
    from . import fast_sleep, fixtures, tasks, web
    from .bridge import missing
    from .running import Running

    names = Names(config)
    needs = missing() if names.on_both else None
    if needs is not None:
        raise pytest.UsageError(f"{BACKENDS.ini} = both: {needs}")
    names_module.note_uses(config)
    config.stash[fixtures.NAMES] = names
    config.addinivalue_line(
        "markers",
        "asyncio(*, loop_scope=None, loop_factories=None): run the test on an asyncio event loop",
    )
    manager.register(fixtures, "anyrig-compat-fixtures")
    manager.register(tasks, "anyrig-compat-tasks")
    manager.register(fast_sleep, "anyrig-compat-fast-sleep")
    if web.is_wanted(manager):
        manager.register(web, "anyrig-compat-web")
    # after anyrig's own: a test's loop is up before anyrig looks at what runs on it
    manager.register(Running(names), "anyrig-compat-running")


def pytest_report_header(config: pytest.Config) -> str:
    from .fixtures import NAMES

    return config.stash[NAMES].header() if NAMES in config.stash else _STEPS_BACK
