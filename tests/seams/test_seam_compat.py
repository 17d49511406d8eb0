"""The shim's seams: what it uses of anyio's plugin and of pytest is there."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
import sniffio
from anyio import pytest_plugin

from anyrig_compat.seams import anyio as anyio_seam
from anyrig_compat.seams.pytest import (
    active_definition,
    asked_plugins,
    definition_of,
    loads_installed,
    substitute,
)
from support import run


@pytest.fixture
def named() -> str:
    """What another fixture stands in for."""
    return "the first"


@pytest.fixture(scope="session")
def other() -> str:
    """The one that stands in."""
    return "the other"


def test_anyios_plugin_keeps_its_runner_and_counts_leases() -> None:
    """The names that the shim sets are those that ``get_runner`` reads."""
    get_runner: Any = pytest_plugin.get_runner
    assert {"_current_runner", "_runner_leases"} <= set(get_runner.__wrapped__.__code__.co_names)


def test_a_runner_is_used_and_not_closed() -> None:
    """A call of anyio's plugin runs in the runner that was put there, which stays open."""

    async def answer() -> int:
        return 1

    with anyio_seam.new_runner({}) as runner:
        for _ in range(2):
            with (
                anyio_seam.running_in(runner),
                pytest_plugin.get_runner("asyncio", {}) as found,
            ):
                assert found is runner
                assert found.run_fixture(answer, {}) == 1


def test_the_definition_of_a_fixture(request: pytest.FixtureRequest) -> None:
    """The definition that a test sees is found by name."""
    found = definition_of("named", request.node)
    assert found is not None
    assert found.argname == "named"
    assert definition_of("nobody", request.node) is None


def test_another_fixture_for_one_test(request: pytest.FixtureRequest) -> None:
    """A fixture that stands in for another is what the test gets."""
    substitute(request.node, "named", "other")
    assert request.getfixturevalue("named") == "the other"


def test_a_wide_fixture_runs_in_the_plugins_runner() -> None:
    """An async generator fixture is set up and torn down in the runner, which it keeps open."""
    seen: list[str] = []

    async def fixture(word: str) -> AsyncGenerator[str, None]:
        seen.append(sniffio.current_async_library())
        yield word
        seen.append("down")

    library, options = anyio_seam.backend_of(("trio", {"clock": None}))
    assert (library, options) == ("trio", {"clock": None})
    steps = anyio_seam.fixture_by_itself(fixture, library, {})(word="up")
    assert next(steps) == "up"
    with pytest_plugin.get_runner("trio", {}) as runner:
        assert seen == ["trio"]
    with pytest_plugin.get_runner("trio", {}) as again:
        assert again is runner
    assert [*steps] == []
    assert seen == ["trio", "down"]


def test_the_definition_that_a_test_uses(request: pytest.FixtureRequest) -> None:
    """The active definition of a fixture is set up, and ends what is put at its end."""
    definition = active_definition(request.node, "named")
    assert definition.argname == "named"
    assert definition.cached_result[0] == "the first"
    assert callable(definition.addfinalizer)


def test_what_is_asked_for_by_name(request: pytest.FixtureRequest) -> None:
    """All that ``-p`` names is known, also what switches a plugin off."""
    asked = asked_plugins(request.config.pluginmanager)
    assert {"no:asyncio", "no:trio"} <= asked


@pytest.mark.skipif(pytest.version_tuple < (8, 4), reason="the flag is of pytest 8.4")
def test_whether_installed_plugins_are_loaded(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable says that none is, and so does the flag of pytest's."""
    manager = request.config.pluginmanager
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", raising=False)
    known: Any = request.config.known_args_namespace
    monkeypatch.setattr(known, "disable_plugin_autoload", False)
    assert loads_installed(manager)
    monkeypatch.setattr(known, "disable_plugin_autoload", True)
    assert not loads_installed(manager)
    monkeypatch.setattr(known, "disable_plugin_autoload", False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    assert not loads_installed(manager)


def test_the_plugin_imports_no_trio(tmp_path: Path) -> None:
    """anyio's plugin says which backends there are, and has imported none."""
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\n"
        "from anyrig_compat.seams.anyio import import_plugin\n"
        "import_plugin()\n"
        "import anyio\n"
        "from anyio import pytest_plugin\n"
        "assert 'trio' not in sys.modules\n"
        "assert pytest_plugin.get_available_backends is anyio.get_available_backends\n"
        "assert pytest_plugin.get_available_backends() == ('asyncio', 'trio')\n"
        "assert 'trio' in sys.modules\n"
    )
    ran = run([sys.executable, str(script)], tmp_path)
    assert ran.status == 0, ran.text
