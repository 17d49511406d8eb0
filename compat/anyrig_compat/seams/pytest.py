"""Which definition of a fixture a test sees, and another one for one test alone.

Problem: a project's own ``event_loop`` says which loop its tests run on, and pytest has no public
way to ask for the definition of a fixture without setting it up.
Approach: ``Session._fixturemanager.getfixturedefs(name, node)``, the last of which is the one that
is used. Seen on pytest 8.0 to 9.2.

Problem: which loop a test runs on depends on all its fixtures, before any is set up.
Approach: ``Function._fixtureinfo.name2fixturedefs``, and ``Function._request``, which fixtures are
ended for. Seen on pytest 8.0 to 9.2.

Problem: fixtures that take ``anyio_backend`` are to serve a test that has no parameter of it.
Approach: a test's request looks fixtures up in ``_arg2fixturedefs``, which its fixtures' requests
share. Seen on pytest 8.0 to 9.2.

Problem: a fixture is to end with another one that it can't ask for, being wider.
Approach: ``_get_active_fixturedef`` of the test's request. Seen on pytest 8.0 to 9.2.

Problem: a plugin that ``-p`` names declares its options before the ``-p`` after it is looked at.
Approach: ``Config.known_args_namespace.plugins`` has all of them, those of ``addopts`` too, before
the first is imported. Seen on pytest 8.0 to 9.2.

Problem: whether a run loads the plugins that are installed has to be known before it does.
Approach: as pytest does, by its environment variable and, from 8.4 on, by
``Config.known_args_namespace.disable_plugin_autoload``. Seen on pytest 8.0 to 9.2.
"""

from __future__ import annotations

from typing import Any

import pytest

from anyrig.own import os
from anyrig.seams.needs import Need, Of, Table

_PART = "the fixtures of the shim"
_REQUEST = ("_arg2fixturedefs", "_get_active_fixturedef")
NEEDS = Table(
    Need(_PART, "_pytest.fixtures", "FixtureRequest", _REQUEST, Of.INSTANCES),
    Need(_PART, "_pytest.python", "Function", ("_fixtureinfo", "_request"), Of.INSTANCES),
    Need(_PART, "_pytest.fixtures", "pytest_sessionstart", ("_fixturemanager",), Of.CODE),
)


def asked_plugins(manager: pytest.PytestPluginManager) -> frozenset[str]:
    """What ``-p`` names in this run, ``no:...`` as it stands."""
    config: Any = manager.get_plugin("pytestconfig")
    return frozenset(config.known_args_namespace.plugins)


def loads_installed(manager: pytest.PytestPluginManager) -> bool:
    """Whether this run loads the plugins that are installed, without being told their names."""
    config: Any = manager.get_plugin("pytestconfig")
    is_off = getattr(config.known_args_namespace, "disable_plugin_autoload", False)
    return not (is_off or os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD"))


def definition_of(name: str, node: Any) -> pytest.FixtureDef[Any] | None:
    """The definition of a fixture that a node sees; None where it sees none."""
    session: Any = node.session
    # before 8.1 by the node's id
    where = node if pytest.version_tuple >= (8, 1) else node.nodeid
    found = session._fixturemanager.getfixturedefs(name, where)
    return found[-1] if found else None


def definitions(item: Any) -> list[pytest.FixtureDef[Any]]:
    """The definitions of the fixtures that a test asks for, and of those that these ask for."""
    return [found[-1] for found in item._fixtureinfo.name2fixturedefs.values()]


def active_definition(item: Any, name: str) -> Any:
    """The definition of a fixture that a test uses, set up."""
    return item._request._get_active_fixturedef(name)


def request_of(item: Any) -> Any:
    """The request of a test itself."""
    return item._request


def substitute(
    item: Any, name: str, other: str, definition: pytest.FixtureDef[Any] | None = None
) -> None:
    """Have a test and its fixtures get another fixture where they ask for ``name``.

    ``definition`` is that of the other, where it is known.
    """
    definition = definition or definition_of(other, item)
    assert definition is not None, f"no fixture {other!r}"
    request = item._request
    # a dict of its own: the items of one function share theirs
    request._arg2fixturedefs = {**request._arg2fixturedefs, name: [definition]}
