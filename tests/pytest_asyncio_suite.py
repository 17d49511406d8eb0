"""pytest-asyncio's own tests against the shim: ``python tests/pytest_asyncio_suite.py``.

In a virtual environment that has no pytest-asyncio, its source archive's tests run with
``anyrig_compat``. What fails has to stand, with its reason, in the table of docs/compat.md, and
what stands there has to fail; at least 90 % of the tests have to pass. Needs a package index.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

VERSION = "1.5.0"
AT_LEAST = 0.9  # of the tests that are not skipped

_ROOT = Path(__file__).resolve().parent.parent
_TABLE = _ROOT / "docs" / "compat.md"
_ROW = re.compile(r"^\| `(?P<test>tests/\S+::\S+)` \|", re.MULTILINE)


def main() -> int:
    """Set up, run, compare; the exit status."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        python = _environment(folder / "venv")
        suite = _unpacked(python, folder)
        report = folder / "results.xml"
        command = [str(python), "-m", "pytest", "-q", "-n", "auto", "--tb=no", "tests"]
        environment = {"PYTEST_PLUGINS": "anyrig_compat", "PATH": f"{python.parent}"}
        command.append(f"--junit-xml={report}")
        subprocess.run(command, cwd=suite, env=environment, check=False)
        if not report.exists():
            return 2  # pytest has said why
        results = dict(_results(report))
    return _compare(results)


def _environment(folder: Path) -> Path:
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    wanted = [f"{_ROOT}[compat]", "pytest>=9", "hypothesis", "pytest-xdist"]
    subprocess.run([python, "-m", "pip", "install", "-q", *wanted], check=True)
    return python


def _unpacked(python: Path, folder: Path) -> Path:
    """The archive without the plugin itself, and without the entry point that names it."""
    wanted = ["--no-deps", "--no-binary", ":all:", f"pytest-asyncio=={VERSION}"]
    subprocess.run([python, "-m", "pip", "download", "-q", "-d", folder, *wanted], check=True)
    with tarfile.open(folder / f"pytest_asyncio-{VERSION}.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    suite = folder / f"pytest_asyncio-{VERSION}"
    for name in ("pytest_asyncio", "pytest_asyncio.egg-info"):
        shutil.rmtree(suite / name)
    return suite


def _results(report: Path) -> Iterator[tuple[str, str]]:
    """Each test's id, and how it ended."""
    for case in ET.parse(report).iter("testcase"):
        path = str(case.get("classname")).replace(".", "/")
        ended = next((one.tag for one in case if one.tag in ("failure", "error", "skipped")), "ok")
        yield f"{path}.py::{case.get('name')}", ended


def _compare(results: dict[str, str]) -> int:
    ran = {test for test, ended in results.items() if ended != "skipped"}
    failed = {test for test in ran if results[test] != "ok"}
    known = set(_ROW.findall(_TABLE.read_text(encoding="utf-8")))
    for test in sorted(failed - known):
        print(f"fails, and docs/compat.md does not say why: {test}")
    for test in sorted(known & ran - failed):
        print(f"passes, and docs/compat.md says it fails: {test}")
    share = 1 - len(failed) / len(ran) if ran else 0
    print(
        f"{len(ran) - len(failed)} of {len(ran)} passed ({share:.1%}), "
        f"{len(results) - len(ran)} skipped"
    )
    return int(share < AT_LEAST or bool(failed ^ (known & ran)))


if __name__ == "__main__":
    sys.exit(main())
