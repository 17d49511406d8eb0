"""What the ``anyio_backend`` fixture runs, and which of its variants a run or a test leaves out."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from .backends import backend_of
from .own import os
from .settings import Settings, read_marker
from .who_runs import anyios_plugin


def register(config: pytest.Config, settings: Settings) -> None:
    """Put our ``anyio_backend`` in the place of anyio's; a project's own one wins over both.

    pytest takes the fixture of the plugin that came last, unless a conftest or a module has one.
    Ours comes after anyio's; where another plugin brings its own, that one comes after both.
    """
    own = _own_fixture(config)
    if own is not None:
        _provide(config, own)
        return

    @pytest.fixture(
        scope=settings.backend_scope,
        params=[backend.anyio_value() for backend in settings.backends],
        ids=[backend.name for backend in settings.backends],
    )
    def anyio_backend(request: pytest.FixtureRequest) -> Any:
        """The backend that anyio runs an async test on, out of anyrig_backends."""
        return request.param

    _provide(config, anyio_backend)


def _own_fixture(config: pytest.Config) -> object | None:
    anyios = getattr(anyios_plugin(config.pluginmanager), "anyio_backend", None)
    for _, plugin in config.pluginmanager.list_name_plugin():
        is_conftest = os.path.basename(getattr(plugin, "__file__", None) or "") == "conftest.py"
        own: object | None = getattr(plugin, "anyio_backend", None)
        if own is not None and own is not anyios and not is_conftest:
            return own
    return None


def is_ours(function: Any) -> bool:
    """Whether it is the function of anyrig's ``anyio_backend``."""
    return getattr(function, "__module__", None) == __name__


def _provide(config: pytest.Config, fixture: object) -> None:
    fixtures = ModuleType("anyrig_backends", "The fixture that takes the place of anyio's own.")
    vars(fixtures)["anyio_backend"] = fixture
    config.pluginmanager.register(fixtures, "anyrig-backends")


def narrow(config: pytest.Config, settings: Settings, items: list[pytest.Item]) -> None:
    """Deselect the variants that ``--anyrig-backend`` or a test's marker leaves out."""
    kept: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    parent, inherited = None, settings
    for item in items:
        if item.parent is not parent:
            parent, inherited = item.parent, settings_for(item.parent, settings)
        is_chosen = _is_chosen(item, with_marks(inherited, item))
        (kept if is_chosen else left_out).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


def settings_for(node: pytest.Item | pytest.Collector | None, settings: Settings) -> Settings:
    """The settings as the marks on a node and on all above it change them."""
    for one in node.listchain() if node is not None else ():
        settings = with_marks(settings, one)
    return settings


def with_marks(settings: Settings, node: Any) -> Settings:
    """The settings as the marks on this node alone change them."""
    for mark in reversed(node.own_markers):
        if mark.name == "anyrig":
            settings = read_marker(settings, mark, node.nodeid)
    return settings


def leaves_out(settings: Settings, value: object) -> bool:
    """Whether a test with these settings is not to run on this value of ``anyio_backend``."""
    return settings.only is not None and backend_of(value) not in settings.only


def _is_chosen(item: pytest.Item, settings: Settings) -> bool:
    params = getattr(getattr(item, "callspec", None), "params", {})
    return "anyio_backend" not in params or not leaves_out(settings, params["anyio_backend"])
