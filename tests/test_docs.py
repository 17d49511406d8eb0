"""README.md and docs/ say what is so: every sample is run, every text shown is what is printed.

Where a text that is shown has changed, the test prints the new one. To put the new texts into the
pages: ``ANYRIG_UPDATE=1 python -m pytest -p no:xdist tests/test_docs.py``, and read the diff.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import anyrig
from anyrig.cli.demo import write_suite
from anyrig.findings import ERRORS, Finding, Frame, Origin, Place
from anyrig.settings import OPTIONS
from doc_samples import PAGES, ROOT, Block, Sample, all_blocks, blocks, samples
from support import Ran, run, run_pytest

pytestmark = pytest.mark.once

UPDATE = bool(os.environ.get("ANYRIG_UPDATE"))
DOCS = ROOT / "docs"

_HEADING = re.compile(r"^(_{3,}|={3,}|-{3,}) (.+?) (_{3,}|={3,}|-{3,})$")
_FLAGS = re.compile(r"--anyrig-[a-z-]+")


def _name(thing: Block | Sample) -> str:
    return thing.name if isinstance(thing, Block) else thing.block.name


# -- samples ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("sample", samples(), ids=_name)
def test_sample_does_what_the_page_says(sample: Sample, tmp_path: Path) -> None:
    """A test file of the docs ends as its page says, and prints what its page shows."""
    sample.write(tmp_path)
    report = tmp_path / "findings.jsonl"
    arguments = shlex.split(sample.block.orders.get("arguments", ""))
    wants_report = any("report" in block.orders for block in sample.shown)
    if wants_report:
        run_pytest(tmp_path, "-q", "--anyrig-report", report.name)
    ran = run_pytest(tmp_path, "-q", *arguments)
    assert ran.counts == _outcome(sample, ran), ran.text
    for block in sample.shown:
        if "output" in block.orders:
            _compare(block, _part(ran.text, block.orders["output"]))
        else:
            _compare(block, _json_line(report, int(block.orders["report"])))


@pytest.mark.parametrize(
    "block", [block for block in all_blocks("text") if "demo" in block.orders], ids=_name
)
def test_report_of_the_demo_is_what_is_printed(block: Block, tmp_path: Path) -> None:
    """The report at the top of the README is what anyrig prints now, letter by letter."""
    write_suite(tmp_path)
    _compare(block, run_pytest(tmp_path, *shlex.split(block.orders["demo"])).text)


@pytest.mark.parametrize("block", all_blocks("toml", "ini"), ids=_name)
def test_settings_are_accepted(block: Block, tmp_path: Path) -> None:
    """A settings block is read by a pytest that is strict about settings and warnings."""
    if "[tool.pytest]" in block.text and pytest.version_tuple < (9,):
        pytest.skip("pytest 9 has that table")
    name = "pyproject.toml" if block.language == "toml" else "pytest.ini"
    (tmp_path / name).write_text(block.text)
    (tmp_path / "test_sample.py").write_text("async def test_sample():\n    pass\n")
    ran = run_pytest(tmp_path, "-q", "--strict-config", "--strict-markers", "-W", "error")
    assert ran.status == 0, ran.text
    assert ran.counts == {"passed": 2}


@pytest.mark.parametrize("block", all_blocks("console"), ids=_name)
def test_commands_work(block: Block, tmp_path: Path) -> None:
    """Each command of a console block runs, and ends well."""
    (tmp_path / "pytest.ini").write_text("[pytest]\nanyio_mode = auto\n")
    (tmp_path / "test_sample.py").write_text("async def test_sample():\n    pass\n")
    commands = [line.removeprefix("$ ") for line in block.text.splitlines() if line[:2] == "$ "]
    assert commands
    for command in commands:
        program, *arguments = shlex.split(command)
        ran = _run_program(program, arguments, tmp_path)
        assert ran.status == 0, f"{command}\n{ran.text}"


@pytest.mark.parametrize("block", all_blocks("sh"), ids=_name)
def test_shell_lines_are_shell(block: Block) -> None:
    """What needs a network is not run here; it parses, and names flags that there are."""
    shell = shutil.which("sh")
    if shell is not None:
        subprocess.run([shell, "-n"], input=block.text, encoding="utf-8", check=True)
    assert set(_FLAGS.findall(block.text)) <= {option.flag for option in OPTIONS}


def test_every_block_is_of_a_kind_that_is_checked() -> None:
    """No block is left out: each language is one that a test here knows what to do with."""
    known = {"python", "text", "json", "toml", "ini", "console", "sh"}
    checked = {block.name for sample in samples() for block in sample.shown}
    for page in PAGES:
        for block in blocks(page):
            assert block.language in known or block.language.startswith("{"), block.name
            if block.language in ("text", "json"):
                assert "demo" in block.orders or block.name in checked, block.name


# -- the README ------------------------------------------------------------------------------------


def test_readme_has_two_lines_that_set_themselves_up() -> None:
    """One line runs the demo, one the tests; each makes its own environment first."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    demo, tests = [
        block.text.strip()
        for block in blocks(ROOT / "README.md")
        if block.text.startswith("python3 -m venv")
    ]
    assert "\n" not in demo + tests
    assert demo.endswith(".venv/bin/anyrig demo")
    assert "--group test " in tests
    assert "pytest -n auto" in tests
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    assert any("pytest-xdist" in requirement for requirement in groups["test"])
    assert text.startswith("# anyrig\n")


def test_readme_links_are_there() -> None:
    """Each relative link of the README leads to a file."""
    links = re.findall(r"\]\(((?!https?:)[^)]+)\)", (ROOT / "README.md").read_text())
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


# -- what the docs list ----------------------------------------------------------------------------


def test_each_kind_has_its_section() -> None:
    """docs/kinds.md has a section for each kind, with what, why, mend and allow."""
    text = (DOCS / "kinds.md").read_text()
    for kind in anyrig.Kind:
        section = text.partition(f"\n## {kind.value}\n")[2].partition("\n## ")[0]
        for part in ("**What.**", "**Why.**", "**Mend.**", "**Allow.**"):
            assert part in section, f"{part} of {kind.value}"
        row = f"`{kind.setting}` | `anyrig.{ERRORS[kind].__name__}` |"
        assert re.search(rf"\| `{kind.value}` \| .+ \| {re.escape(row)}", text), kind


def test_each_public_name_is_on_the_api_page() -> None:
    """docs/api.md has every name of ``anyrig.__all__``."""
    text = (DOCS / "api.md").read_text()
    assert [name for name in anyrig.__all__ if f"anyrig.{name}" not in text] == []


def test_each_field_of_the_report_is_listed(tmp_path: Path) -> None:
    """docs/reports.md has every field that ``--anyrig-report`` writes."""
    text = (DOCS / "reports.md").read_text()
    (tmp_path / "test_sample.py").write_text("def test_sample():\n    pass\n")
    run_pytest(tmp_path, "--anyrig-report", "findings.jsonl")
    facts = json.loads((tmp_path / "findings.jsonl").read_text().splitlines()[0])
    fields = set(facts) | _fields(Finding) - {"place"}
    fields |= {f"place.{name}" for name in _fields(Place)}
    fields |= {f"origin.{name}" for name in _fields(Origin)}
    listed = set(re.findall(r"^\| `([a-z._]+)` \|", text, re.MULTILINE))
    assert listed == fields
    assert all(f"`{name}`" in text for name in _fields(Frame))


def test_pages_are_built_without_a_warning(tmp_path: Path) -> None:
    """Sphinx builds the docs with warnings as errors; the settings page has every option."""
    pytest.importorskip("furo")
    pytest.importorskip("myst_parser")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", str(DOCS), str(tmp_path)]
    ran = run(command, tmp_path)
    assert ran.status == 0, ran.text
    page = re.sub(r"<[^>]+>", "", (tmp_path / "settings.html").read_text(encoding="utf-8"))
    for option in OPTIONS:
        for name in (option.ini, option.flag, option.marker and f"anyrig({option.marker}=...)"):
            assert name is None or name in page, name


# -- parts -----------------------------------------------------------------------------------------


def _outcome(sample: Sample, ran: Ran) -> dict[str, int]:
    said = sample.block.orders.get("outcome")
    if said is None:
        assert ran.status == 0, ran.text
        return {"passed": ran.counts["passed"]}
    counts = (word.split("=") for word in said.split())
    return {word.removesuffix("s"): int(number) for word, number in counts}


def _part(text: str, which: str) -> str:
    """What is printed of one failing test, with its heading; or all of it."""
    if which == "all":
        return text
    lines = text.splitlines()
    starts = [
        number
        for number, line in enumerate(lines)
        if (match := _HEADING.match(line)) and match[2].endswith(which)
    ]
    assert starts, f"{which} is not in\n{text}"
    ends = (n for n in range(starts[0] + 1, len(lines)) if _HEADING.match(lines[n]))
    return "\n".join(lines[starts[0] : next(ends, None)]).rstrip() + "\n"


def _json_line(report: Path, number: int) -> str:
    data: dict[str, Any] = json.loads(report.read_text(encoding="utf-8").splitlines()[number])
    if "python" in data:
        data["python"] = "3.13.0"
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


# what Python up to 3.13 says, and what it says from 3.14 on, as the pages have it
_OLD_REFUSAL = re.compile(r"object (\w+) can't be used in 'await' expression")
_REFUSAL = r"'\1' object can't be awaited"


def _compare(block: Block, new: str) -> None:
    new = _OLD_REFUSAL.sub(_REFUSAL, new.lstrip("\n"))
    if UPDATE and new != block.text:
        block.write(new)
        return
    if new != block.text:
        pytest.fail(f"{block.name} shows an old text. The new one:\n\n{new}", pytrace=False)


def _run_program(program: str, arguments: list[str], folder: Path) -> Ran:
    if program == "anyrig":
        return run([sys.executable, "-m", "anyrig", *arguments], folder)
    assert program == "pytest"
    plugins = ("anyio", "anyrig", "xdist") if "-n" in arguments else ("anyio", "anyrig")
    return run_pytest(folder, *arguments, plugins=plugins)


def _fields(record: Any) -> set[str]:
    if dataclasses.is_dataclass(record):
        return {field.name for field in dataclasses.fields(record)}
    return set(record._fields)
