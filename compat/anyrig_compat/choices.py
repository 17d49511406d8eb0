"""A setting of the shim that has a few words to choose among: an ini option and a flag.

What a wrong word is answered with is what anyrig's own settings say: where it stands, and the
right ones.
"""

from __future__ import annotations

import difflib
from typing import NamedTuple

import pytest


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
        value = config.getini(self.ini) if given is None else given
        if value in self.values:
            return str(value)
        close = difflib.get_close_matches(str(value), self.values, n=1)
        guess = f" (did you mean {close[0]!r}?)" if close else ""
        where = self._place(config) if given is None else self.flag
        right = ", ".join(map(repr, self.values))
        raise pytest.UsageError(f"{where}: unknown word {value!r}{guess}; use {right}")

    @property
    def _dest(self) -> str:
        return f"{self.ini}_flag"

    def _place(self, config: pytest.Config) -> str:
        """``pytest.ini:3: name``, as near as the file's text tells; or the name alone."""
        overrides = config.getoption("override_ini", None) or ()
        if config.inipath is None or any(one.partition("=")[0] == self.ini for one in overrides):
            return self.ini
        text = config.inipath.read_text(encoding="utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), start=1):
            if line.partition("=")[0].strip() == self.ini:
                return f"{config.inipath.name}:{number}: {self.ini}"
        return self.ini
