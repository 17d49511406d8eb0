"""``--anyrig-report FILE``: one JSON object a line, the first one about the run.

The schema is in the docs; ``schema`` in the first line is its version, and goes up with a change
that a reader would notice.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ..findings import Finding
from ..own import json

SCHEMA = 1


class ReportFile:
    """Writes each finding as it comes, whole lines only."""

    def __init__(self, path: Path, facts: dict[str, Any]) -> None:
        self.path = path
        try:
            self._file = path.open("w", encoding="utf-8")
        except OSError as error:
            raise pytest.UsageError(f"--anyrig-report {path}: {error.strerror}") from None
        self.write_line({"schema": SCHEMA, **facts})

    def write(self, finding: Finding) -> None:
        """Add one finding."""
        self.write_line(finding.to_json())

    def close(self) -> None:
        """The run is over."""
        self._file.close()

    def write_line(self, data: dict[str, Any]) -> None:
        """Add one line."""
        self._file.write(json.dumps(data, ensure_ascii=False) + "\n")
        self._file.flush()
