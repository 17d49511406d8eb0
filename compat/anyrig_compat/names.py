"""The options and flags of pytest-asyncio, and what their values mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

import pytest

from anyrig import safe
from anyrig.own import asyncio
from anyrig.settings_file import SettingsFile

from .choices import Choice
from .deprecations import note_use, shown_path

Scope: TypeAlias = Literal["function", "class", "module", "package", "session"]
LoopFactory: TypeAlias = Callable[[], asyncio.AbstractEventLoop]

SCOPES: tuple[Scope, ...] = ("function", "class", "module", "package", "session")
MODES = ("auto", "strict")
LEGACY_MODE = "legacy"  # gone since 0.19; old files have it, and strict is what came of it

_FIXTURE_SCOPE = "asyncio_default_fixture_loop_scope"
_TEST_SCOPE = "asyncio_default_test_loop_scope"
_AS_THE_FIXTURE = "fixture-scope"

BACKENDS = Choice(
    ini="anyrig_compat_backends",
    values=("asyncio", "both"),
    default="asyncio",
    help="what the tests marked asyncio run on: asyncio alone, or trio as well",
)


class Hooks:
    """The hooks that pytest-asyncio has of its own."""

    @pytest.hookspec(firstresult=True)
    def pytest_asyncio_loop_factories(
        self, config: pytest.Config, item: pytest.Item
    ) -> Mapping[str, LoopFactory] | None:
        """What makes the loops of a test, by names: it runs once on each of them."""


def add_options(parser: pytest.Parser) -> None:
    """Have pytest know the options and flags, also under ``--strict-config``."""
    group = parser.getgroup("asyncio", "asyncio, as pytest-asyncio has it (anyrig_compat)")
    group.addoption("--asyncio-mode", dest="asyncio_mode", metavar="MODE", help="auto or strict")
    group.addoption(
        "--asyncio-debug",
        dest="asyncio_debug",
        action="store_true",
        default=None,
        help="run the event loops in debug mode",
    )
    parser.addini("asyncio_mode", "auto or strict", default="strict")
    parser.addini("asyncio_debug", "run the event loops in debug mode", type="bool", default=False)
    scopes = ", ".join(SCOPES)
    parser.addini(_FIXTURE_SCOPE, f"the loop of async fixtures: {scopes}", default=None)
    BACKENDS.declare(parser)
    parser.addini(_TEST_SCOPE, f"the loop of async tests: {scopes}", default="function")


# what to write in the place of the options
_INSTEAD = {
    "asyncio_mode": "anyio_mode = auto, or nothing for strict",
    "asyncio_debug": "def anyio_backend(): return 'asyncio', {'debug': True}",
    _FIXTURE_SCOPE: "nothing: the scope of anyio_backend is that of the loop",
    _TEST_SCOPE: "nothing: the scope of anyio_backend is that of the loop",
}
_COMMAND_LINE = "the command line"


def note_uses(config: pytest.Config) -> None:
    """Count the options and flags that a run has, by the line of the settings' file."""
    lines: list[str] = []
    if config.inipath is not None:
        lines = config.inipath.read_text(encoding="utf-8", errors="replace").splitlines()
    for option, instead in _INSTEAD.items():
        flag = f"--{option.replace('_', '-')}"
        setting = re.compile(rf"[\s\"']*{option}[\s\"']*=|[^#;]*{flag}\b")
        found = (number for number, line in enumerate(lines, 1) if setting.match(line))
        number = next(found, None)
        if number is not None:
            path = shown_path(str(config.inipath), config.rootpath)
            note_use(config, option, "", f"{path}:{number}", instead)
        elif config.getoption(option, None) is not None:
            note_use(config, flag, "", _COMMAND_LINE, instead)


class Names:
    """What a run's options say; raises ``pytest.UsageError`` for a wrong value."""

    def __init__(self, config: pytest.Config) -> None:
        file = SettingsFile(config)
        flag = config.getoption("asyncio_mode")
        mode = flag or file.value("asyncio_mode")
        if mode not in (*MODES, LEGACY_MODE):
            where = "" if flag else _where(file, "asyncio_mode")
            words = f"{safe.value(mode)} is not a valid asyncio_mode"
            raise pytest.UsageError(f"{where}{words}. Valid modes: {', '.join(MODES)}.")
        self.is_auto = mode == "auto"
        self.is_debug = bool(config.getoption("asyncio_debug") or _is_debug(file))
        self._fixture_scope = file.value(_FIXTURE_SCOPE) or None
        if self._fixture_scope != _AS_THE_FIXTURE:
            _check(self._fixture_scope, _FIXTURE_SCOPE, file)
        self.test_scope: Scope = file.value(_TEST_SCOPE)
        _check(self.test_scope, _TEST_SCOPE, file)
        self.policy: Any = None  # the one of asyncio's that makes the loops, once it was asked
        # the project's own `event_loop` that the running test sees: one in a folder or a module
        # can't be found from the session
        self.own_loop: pytest.FixtureDef[Any] | None = None
        self.on_both = BACKENDS.read(config) == "both"

    def fixture_scope(self, fixture: pytest.FixtureDef[Any]) -> Scope:
        """The scope of the loop that a fixture runs in which does not say so itself."""
        if self._fixture_scope in (None, _AS_THE_FIXTURE):
            own: Scope = fixture.scope
            return own
        scope: Scope = self._fixture_scope
        return scope

    def header(self) -> str:
        """The line at the top of a run."""
        mode = "auto" if self.is_auto else "strict"
        return (
            f"anyrig_compat: in the place of pytest-asyncio, mode={mode}, debug={self.is_debug}, "
            f"loops: tests={self.test_scope}, fixtures={self._fixture_scope or 'their own scope'}"
        )


def _check(scope: object, option: str, file: SettingsFile) -> None:
    if scope is not None and scope not in SCOPES:
        words = f"{safe.value(scope)} is not a valid {option}"
        right = ", ".join(SCOPES)
        raise pytest.UsageError(f"{_where(file, option)}{words}. Valid scopes are: {right}.")


def _is_debug(file: SettingsFile) -> bool:
    value = file.value("asyncio_debug")
    if not isinstance(value, bool):
        words = f"{safe.value(value)} is not a valid asyncio_debug"
        raise pytest.UsageError(f"{_where(file, 'asyncio_debug')}{words}. Use true or false.")
    return value


def _where(file: SettingsFile, option: str) -> str:
    """``pytest.ini:3: `` before what is wrong; nothing where it stands in no file."""
    return file.place(option).removesuffix(option)
