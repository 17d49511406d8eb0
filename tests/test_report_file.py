"""Where ``--anyrig-report`` writes: over nothing that is something else, and whole lines only."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from anyrig import own
from anyrig.findings import Finding, Kind, Phase, Place
from anyrig.report.jsonl import ReportFile
from inner import MISSED_AWAIT, Suite
from support import run_pytest

FACTS: dict[str, Any] = {"anyrig": "1"}
FINDING = Finding(Kind.TIMEOUT, Place("test_it.py::test_it", Phase.CALL), "it", "it was late")


def _written(path: Path, *findings: Finding) -> list[Any]:
    file = ReportFile(path, FACTS)
    for finding in findings:
        file.write(finding)
    file.close()
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(
    "before", [None, "", '{"schema": 1, "anyrig": "0.1.0"}\n{}\n', '{"schema": ']
)
def test_reports_are_written_over(tmp_path: Path, before: str | None) -> None:
    """A file that is new, empty or a report, also one that was cut off, becomes the report."""
    path = tmp_path / "findings.jsonl"
    if before is not None:
        path.write_text(before)
    header, line = _written(path, FINDING)
    assert header == {"schema": 1, "anyrig": "1"}
    assert Finding.from_json(line) == FINDING


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("test_pool.py", "def test_it(): pass\n"),
        ("__init__.py", ""),
        ("pyproject.toml", ""),
        ("pytest.ini", "[pytest]\n"),
        ("data.jsonl", '{"schema_of": "another"}\n'),
        ("notes", "\n"),
        ("bytes", "\x00\x00"),
    ],
)
def test_others_are_left_alone(tmp_path: Path, name: str, text: str) -> None:
    """What is no report is not touched, also behind a link; the error says what to type."""
    path, link = tmp_path / name, tmp_path / "link.jsonl"
    path.write_text(text)
    with pytest.raises(pytest.UsageError, match=rf"(?s){name}:\s.*--anyrig-report=findings\.jsonl"):
        ReportFile(path, FACTS)
    if text:
        link.symlink_to(path)
        with pytest.raises(pytest.UsageError, match=r"link\.jsonl:\s+it exists and is no report"):
            ReportFile(link, FACTS)
    assert path.read_text() == text


@pytest.mark.parametrize("name", ["test_new.py", "test_new.py::test_it"])
def test_no_file_of_tests_is_made(tmp_path: Path, name: str) -> None:
    """A name that is a test's is a forgotten name, also where nothing is there."""
    with pytest.raises(pytest.UsageError, match="by its name, this is no report"):
        ReportFile(tmp_path / name, FACTS)
    assert list(tmp_path.iterdir()) == []


def test_surrogates(tmp_path: Path) -> None:
    """What UTF-8 has no bytes for is escaped, in the names of tests as well."""
    place = Place("test_\udce9.py::test_it", Phase.CALL)
    _, line = _written(tmp_path / "bad\udce9.jsonl", Finding(Kind.TIMEOUT, place, "a", "\udce9"))
    assert line["place"]["test"] == place.test
    assert line["summary"] == r"\udce9"


def test_devices() -> None:
    """A device takes the lines, and one that is full is a usage error."""
    file = ReportFile(Path(os.devnull), FACTS)
    file.write(FINDING)
    file.close()
    assert file.problem is None
    if Path("/dev/full").exists():
        with pytest.raises(pytest.UsageError, match=r"/dev/full:\s+No space left on device"):
            ReportFile(Path("/dev/full"), FACTS)


def test_pipes(tmp_path: Path) -> None:
    """A pipe takes the lines where somebody reads it; where nobody does, nobody is waited for."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(pytest.UsageError, match="nobody reads this pipe"):
        ReportFile(path, FACTS)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    file = ReportFile(path, FACTS)
    file.write(FINDING)
    assert len(os.read(reader, 10_000).splitlines()) == 2
    os.close(reader)
    file.write(FINDING)
    assert file.problem == "Broken pipe"
    assert file.unwritten == [FINDING]
    file.close()
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_own_descriptors(tmp_path: Path) -> None:
    """What names a descriptor of this process is that one: what stands in its file stays."""
    path = tmp_path / "output.txt"
    path.write_text("before\n")
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
    file = ReportFile(Path(f"/dev/fd/{descriptor}"), FACTS)
    file.close()
    os.close(descriptor)
    assert path.read_text().startswith('before\n{"schema": 1')


def test_disk_gets_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that can't be written whole is taken back; what is not in the file is known."""
    path = tmp_path / "findings.jsonl"
    file = ReportFile(path, FACTS)
    file.write(FINDING)
    whole = path.read_text()
    write = os.write

    def half(descriptor: int, data: bytes) -> int:
        if len(data) < 50:
            raise OSError(28, "No space left on device")
        return write(descriptor, data[: len(data) // 2])

    monkeypatch.setitem(vars(own.os), "write", half)
    file.write(FINDING)
    monkeypatch.undo()
    file.write(FINDING)
    file.close()
    assert path.read_text() == whole
    assert file.problem == "No space left on device"
    assert file.unwritten == [FINDING, FINDING]


TEST = "def test_it(): pass\n"

FULL = """
import resource, signal

def pytest_configure(config):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))
"""


@pytest.mark.parametrize("more", [(), ("-p", "no:terminal"), ("-n1", "-p", "xdist")])
def test_run_with_a_full_disk(tmp_path: Path, more: tuple[str, ...]) -> None:
    """The run goes on, and says that the report is incomplete and what it lacks."""
    (tmp_path / "conftest.py").write_text(FULL)
    (tmp_path / "test_full.py").write_text(
        MISSED_AWAIT + "".join(f"\ndef test_{n}():\n    save({n})\n" for n in range(9))
    )
    ran = run_pytest(tmp_path, "--anyrig-report=findings.jsonl", *more)
    assert ran.status == 1
    assert "INTERNALERROR" not in ran.text
    assert "incomplete: " in ran.text
    assert "File too large" in ran.text
    assert "  missed_await: `save(8)` was never awaited" in ran.text
    lines = (tmp_path / "findings.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (("--anyrig-report", "test_it.py"), "by its name, this is no report"),
        (("--anyrig-report=/dev/full",), "No space left on device"),
        (("--anyrig-report=/proc/none",), "/proc/none: No such file"),
        (("--anyrig-report=loop",), "loop: Too many levels"),
        (("--anyrig-report=a.xml", "--junit-xml=a.xml"), "another option has this file"),
        (("--anyrig-report=nowhere/a",), "does not exist"),
        (("--anyrig-report=.",), "is a folder"),
    ],
)
def test_usage_errors(suite: Suite, given: tuple[str, ...], problem: str) -> None:
    """A report that can't be written is one clear usage error, and nothing else."""
    suite.write("test_it.py", TEST)
    (suite.path / "loop").symlink_to("loop")
    ran = suite.run(*given, report=False)
    assert ran.status == pytest.ExitCode.USAGE_ERROR
    assert ran.words.startswith("ERROR: --anyrig-report: ")
    assert problem in ran.words
    assert ran.text.count("ERROR") == 1
    # a path is never cut
    assert [line for line in ran.text.splitlines() if len(line) > 80 and "/" not in line] == []
    assert (suite.path / "test_it.py").read_text() == TEST
