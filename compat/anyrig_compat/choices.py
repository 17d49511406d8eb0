"""A setting of the shim that has a few words to choose among: an ini option and a flag.

What a wrong word is answered with is what anyrig's own settings say: where it stands, and the
right ones.
"""

from __future__ import annotations

import difflib
from typing import NamedTuple

import pytest

from anyrig import safe
from anyrig.settings_file import SettingsFile


class Choice(NamedTuple):
    """One setting: its ini name, the words that it takes, and what it is for."""

    ini: str
    values: tuple[str, ...]
    default: str
    help: str

    @property
    def flag(self) -> str:
        """The flag that sets it for one run."""
        return "--" + self.ini.replace("_", "-")

    def declare(self, parser: pytest.Parser) -> None:
        """Have pytest know it, under ``--strict-config`` as well."""
        text = f"{self.help} ({' | '.join(self.values)}; default: {self.default})"
        parser.addini(self.ini, text, type="string", default=self.default)
        group = parser.getgroup("anyrig-compat", "anyrig_compat: suites that move to anyrig")
        group.addoption(self.flag, dest=self._dest, default=None, metavar="WORD", help=text)

    def read(self, config: pytest.Config) -> str:
        """What this run says; raises ``pytest.UsageError`` for a wrong word."""
        given = config.getoption(self._dest)
        file = SettingsFile(config)
        value = file.value(self.ini) if given is None else given
        # as TOML and its neighbours write what is on or off
        if value is False or (isinstance(value, str) and value in ("false", "False")):
            value = "off" if "off" in self.values else value
        if isinstance(value, str) and value in self.values:
            return value
        close = difflib.get_close_matches(str(value)[:100], self.values, n=1)
        guess = f" (did you mean {close[0]!r}?)" if close else ""
        where = file.place(self.ini) if given is None else self.flag
        right = ", ".join(map(repr, self.values))
        raise pytest.UsageError(f"{where}: unknown word {safe.value(value)}{guess}; use {right}")

    @property
    def _dest(self) -> str:
        return f"{self.ini}_flag"
