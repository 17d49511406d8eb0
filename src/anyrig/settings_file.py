"""What the run's settings file says of a setting: its value, and the line that it stands on.

Problem: pytest takes the values of ``[tool.pytest]`` and of ``pytest.toml`` as TOML has them, and
refuses all but one type for each setting; a number of seconds, or ``off``, are two.
Approach: what stands there is read here, as it is. Everywhere else pytest has the value as text.
Limits: the line is read off the file's text, for no parser of TOML tells it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

_SETTING = re.compile(r"""(?:^|[\s.{,])["']?(\w+)["']?\s*=""")


class SettingsFile:
    """The settings file of a run, and what ``-o`` puts in the place of its values."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        overrides = config.getoption("override_ini", None) or ()
        self._overridden = {given.partition("=")[0].strip() for given in overrides}
        path = config.inipath
        text = "" if path is None else path.read_text(encoding="utf-8", errors="replace")
        self._places = {} if path is None else _places(path, text)
        # what pytest has as TOML has it; before pytest 9 there was no such place
        is_toml = path is not None and path.suffix == ".toml" and pytest.version_tuple >= (9,)
        self._native = _native(path, text) if path is not None and is_toml else {}

    def value(self, name: str) -> Any:
        """The value of a setting: as TOML has it, or as pytest reads it, or its default."""
        if name in self._native and name not in self._overridden:
            return self._native[name]
        return self._config.getini(name)

    def place(self, name: str) -> str:
        """``pyproject.toml:12: anyrig_backends``; the name alone where it stands in no file."""
        return name if name in self._overridden else self._places.get(name, name)

    def is_set(self, name: str) -> bool:
        """Whether the file or ``-o`` has a setting."""
        return name in self._overridden or name in self._places or name in self._native


def _places(path: Path, text: str) -> dict[str, str]:
    """Where each name that is set stands in a file: its first line."""
    places: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        for name in _SETTING.findall(line) if "_" in line and line.lstrip()[:1] not in "#;" else ():
            places.setdefault(name, f"{path.name}:{number}: {name}")
    return places


def _native(path: Path, text: str) -> dict[str, Any]:
    """The values of ``[tool.pytest]``, or of the ``[pytest]`` that stands for it in other files."""
    import tomllib

    document = tomllib.loads(text)  # pytest has refused what is no TOML
    table: dict[str, Any] = {}
    if path.name not in ("pytest.toml", ".pytest.toml"):
        table = document.get("tool", {}).get("pytest", {})
    if path.name != "pyproject.toml" and not table:
        table = document.get("pytest", {})
    return {} if "ini_options" in table else table
