"""Runs of pytest in a process of their own, for the tests of the docs and of the demo."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

AT_MOST = 240.0  # seconds; a bound for what hangs, not a measure

_COUNT = re.compile(r"(\d+) (passed|failed|error|skipped|xfailed|xpassed)")
_TIME = re.compile(r"\bin \d+\.\d\ds\b")
_ADDRESS = re.compile(r"\bat 0x[0-9a-f]+")


@dataclass(frozen=True, slots=True)
class Ran:
    """How a process ended: its exit status and all that it wrote, times and addresses alike."""

    status: int
    text: str

    @property
    def words(self) -> str:
        """What it wrote as one line: for what may stand on two, as it is wrapped."""
        return " ".join(self.text.split())

    @property
    def counts(self) -> dict[str, int]:
        """The count of how the tests ended, from its last line; none is no entry."""
        last = self.text.rstrip().rpartition("\n")[2]
        return {word: int(number) for number, word in _COUNT.findall(last)}


def run_pytest(
    folder: Path, *arguments: str, plugins: tuple[str, ...] = ("anyio", "anyrig")
) -> Ran:
    """Run pytest in a folder with these plugins and no others, at 80 columns."""
    loaded = [word for plugin in plugins for word in ("-p", plugin)]
    return run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *loaded, *arguments],
        folder,
        {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )


def run(command: list[str], folder: Path, extra: Mapping[str, str] | None = None) -> Ran:
    """Run a command in a folder, with nothing of the running pytest in its environment."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST_", "COV_"))
        # under CI pytest shows its summary's lines in full
        and name not in ("PYTHONWARNINGS", "CI", "BUILD_NUMBER")
    }
    environment |= {"COLUMNS": "80", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment | dict(extra or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=AT_MOST,
        check=False,
    )
    text = _ADDRESS.sub("at 0x7f0", _TIME.sub("in 0.05s", done.stdout))
    return Ran(done.returncode, text)
