"""A pytest plugin that writes down each test report of a run, as JSON lines (``--record FILE``)."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare ``--record``."""
    parser.addoption("--record", default=None)


def pytest_configure(config: pytest.Config) -> None:
    """Record the run, on the process that the user looks at."""
    path = config.getoption("record")
    if path is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(Path(path)))


class Recorder:
    """Writes one line for each report; ``late`` marks those made after the last test."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._path.touch()
        self._is_late = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        crash: Any = getattr(report.longrepr, "reprcrash", None)
        self._write(
            node=report.nodeid,
            when="late" if self._is_late else report.when,
            outcome=report.outcome,
            xfail=hasattr(report, "wasxfail"),
            message=str(report.longrepr) if crash is None else crash.message,
            crash=None if crash is None else f"{crash.path}:{crash.lineno}",
            sections=[title for title, _ in report.sections],
        )

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._write(
                node=report.nodeid,
                when="collect",
                outcome="failed",
                xfail=False,
                message=str(report.longrepr),
                crash=None,
                sections=[],
            )

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self) -> Generator[None, None, None]:
        self._is_late = True
        return (yield)

    def _write(self, **facts: object) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(facts) + "\n")
