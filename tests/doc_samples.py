"""The code blocks of README.md and ``docs/``, and what the comment before each says of it.

A comment on the line before a block gives orders, ``<!-- word: value; word: value -->``:

file        the name of a python block's file (``test_sample.py`` where none is given); a file that
            is no test goes beside the next one that is
arguments   more arguments for pytest
outcome     how the tests end, as in ``passed=1 failed=2`` (where none is given, all pass)
output      what a text block shows of the sample before it: ``all``, or the name of a failing test
report      the line of ``--anyrig-report`` that a json block shows, counted from 0
demo        the arguments for pytest in the demo's suite, whose whole text a text block shows
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))

_FENCE = re.compile(r"^```(?P<language>\S*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_ORDERS = re.compile(r"<!-- (?P<orders>[^\n]+) -->\n\Z")
_IS_TEST = re.compile(r"^(async )?def test_|^    (async )?def test_", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: the page it is on, its number there, its language, text and orders."""

    page: Path
    number: int
    lineno: int
    language: str
    text: str
    orders: dict[str, str]

    @property
    def name(self) -> str:
        """The page and the line, for ids and messages."""
        return f"{self.page.name}:{self.lineno}"

    def write(self, text: str) -> None:
        """Put another text into this block of the page."""
        whole = self.page.read_text(encoding="utf-8")
        match = list(_FENCE.finditer(whole))[self.number]
        start, end = match.span("text")
        self.page.write_text(whole[:start] + text + whole[end:], encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Sample:
    """One test file of the docs: the files beside it, and the blocks that show what it gives."""

    block: Block
    beside: tuple[Block, ...]
    shown: list[Block] = field(default_factory=list)

    def write(self, folder: Path) -> None:
        """Write its files, and the one setting that the docs begin with."""
        (folder / "pytest.ini").write_text("[pytest]\nanyio_mode = auto\n")
        for block in (*self.beside, self.block):
            (folder / file_name(block)).write_text(block.text, encoding="utf-8")


def file_name(block: Block) -> str:
    """The name of a python block's file."""
    return block.orders.get("file", "test_sample.py")


def blocks(page: Path) -> Iterator[Block]:
    """Every fenced block of a page, in order; Sphinx's directives are among them."""
    whole = page.read_text(encoding="utf-8")
    for number, match in enumerate(_FENCE.finditer(whole)):
        before = whole[: match.start()]
        orders = _ORDERS.search(before)
        yield Block(
            page,
            number,
            before.count("\n") + 1,
            match["language"],
            match["text"],
            _read_orders(orders["orders"]) if orders is not None else {},
        )


def all_blocks(*languages: str) -> list[Block]:
    """The blocks in these languages, of all pages."""
    return [block for page in PAGES for block in blocks(page) if block.language in languages]


def samples() -> list[Sample]:
    """The test files of all pages."""
    found: list[Sample] = []
    for page in PAGES:
        beside: list[Block] = []
        here: list[Sample] = []
        for block in blocks(page):
            if block.language == "python" and _IS_TEST.search(block.text):
                here.append(Sample(block, tuple(beside)))
                beside.clear()
            elif block.language == "python":
                beside.append(block)
            elif here and ("output" in block.orders or "report" in block.orders):
                here[-1].shown.append(block)
        found += here
    return found


def _read_orders(text: str) -> dict[str, str]:
    orders = dict(part.strip().split(": ", 1) for part in text.split(";"))
    unknown = orders.keys() - {"file", "arguments", "outcome", "output", "report", "demo"}
    assert not unknown, f"unknown orders {sorted(unknown)} in <!-- {text} -->"
    return orders
