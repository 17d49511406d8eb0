"""``--anyrig-report=FILE``: one JSON object a line, the first one about the run.

The schema is in the docs; ``schema`` in the first line is its version, and goes up with a change
that a reader would notice.

Problem: ``--anyrig-report tests/test_pool.py`` is a forgotten name, and would cost a file of
tests; a disk may be full by the time that there is something to write.
Approach: what is there and is no report is left alone, and so is whatever can't be one by its
name. A line is written at once and whole; where it can't be, it is taken back, and so is told of.
"""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import Any

from ..findings import Finding
from ..own import json, os
from ..settings import no_report

SCHEMA = 1
_BEGINNING = b'{"schema": '
_NO_REPORTS = frozenset({".py", ".pyi", ".pyc", ".toml", ".ini", ".cfg"})
_OWN = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}


class ReportFile:
    """Writes each finding as it comes, whole lines only.

    ``problem`` says why the last lines could not be written, and ``unwritten`` are the findings
    that are not in the file. Raises ``pytest.UsageError`` where it can't be begun.
    """

    def __init__(self, path: Path, facts: dict[str, Any]) -> None:
        self.path = path
        self.problem: str | None = None
        self.unwritten: list[Finding] = []
        try:
            self._file = _opened(path)
        except OSError as error:
            raise no_report(str(path), error.strerror or str(error)) from None
        self._is_file = stat.S_ISREG(os.fstat(self._file).st_mode)
        if not self.write_line({"schema": SCHEMA, **facts}):
            os.close(self._file)
            raise no_report(str(path), str(self.problem))

    def write(self, finding: Finding) -> None:
        """Add one finding."""
        if not self.write_line(finding.to_json()):
            self.unwritten.append(finding)

    def close(self) -> None:
        """The run is over."""
        os.close(self._file)

    def write_line(self, data: dict[str, Any]) -> bool:
        """Add one line; whether it is there. After one that could not be, there are no more."""
        if self.problem is None:
            # what UTF-8 has no bytes for is escaped as JSON does it
            text = json.dumps(data, ensure_ascii=False) + "\n"
            try:
                self._write(text.encode("utf-8", "backslashreplace"))
            except OSError as error:
                self.problem = error.strerror or str(error)
        return self.problem is None

    def _write(self, line: bytes) -> None:
        end = os.lseek(self._file, 0, os.SEEK_CUR) if self._is_file else 0
        try:
            while line:
                line = line[os.write(self._file, line) :]
        except OSError:
            if self._is_file:
                os.ftruncate(self._file, end)
            raise


def _opened(path: Path) -> int:
    """The descriptor of an empty report; nothing that is something else is touched."""
    own = _own_descriptor(str(path))
    if own is not None:
        return os.dup(own)  # to open it anew would write over what stands in the same file
    flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0)
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        mode = None
    if mode is None or stat.S_ISREG(mode):
        _refuse_others(path, exists=mode is not None)
        return os.open(path, flags | os.O_TRUNC, 0o666)
    if stat.S_ISFIFO(mode):
        try:
            file = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            raise no_report(str(path), "nobody reads this pipe") from None
        os.set_blocking(file, True)
        return file
    if stat.S_ISSOCK(mode) or stat.S_ISBLK(mode):
        raise no_report(str(path), "a report can't be written to a socket or a disk")
    return os.open(path, os.O_WRONLY)


def _refuse_others(path: Path, *, exists: bool) -> None:
    if path.suffix in _NO_REPORTS or "::" in path.name:
        raise no_report(str(path), "by its name, this is no report; nothing was written to it")
    if exists:
        with path.open("rb") as file:
            beginning = file.read(len(_BEGINNING))
        if beginning not in (b"", _BEGINNING):
            raise no_report(
                str(path), "it exists and is no report of anyrig's, so it is left as it is"
            )


def _own_descriptor(path: str) -> int | None:
    """The number of a descriptor of this process that a path names, as ``/dev/stdout`` does."""
    match = re.fullmatch(r"/(?:dev|proc/self)/fd/(\d+)", path)
    return int(match[1]) if match else _OWN.get(path)
