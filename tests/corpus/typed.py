"""The mends of a run's findings, typed into a copy of the samples, and what the next run says.

Each finding whose mend shows code has edits. They are made as `anyrig.edits` makes them, all at
once; a file in which two of them are in each other's way is left with those of one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from anyrig.edits import Stale, edited
from anyrig.findings import Edit

CODE = "    "

Line = dict[str, Any]


def has_code(finding: Line) -> bool:
    """Whether the mend of a finding shows code."""
    return any(line.startswith(CODE) for line in finding["mend"])


def type_mends(folder: Path, findings: Iterable[Line]) -> list[Line]:
    """Make the edits of the findings in the files of a folder; those whose edits are in."""
    typed: list[Line] = []
    for finding in findings:
        edits = [Edit(**edit) for edit in finding["edits"]]
        if edits and _type(folder, edits, {Edit(**e) for one in typed for e in one["edits"]}):
            typed.append(finding)
    made = {Edit(**edit) for finding in typed for edit in finding["edits"]}
    for path in {edit.path for edit in made}:
        file = folder / path
        text = file.read_bytes().decode()
        file.write_bytes(edited(text, (one for one in made if one.path == path)).encode())
    return typed


def _type(folder: Path, edits: list[Edit], others: set[Edit]) -> bool:
    """Whether these edits go together with the others."""
    for path in {edit.path for edit in edits}:
        wanted = {one for one in (*edits, *others) if one.path == path}
        try:
            edited((folder / path).read_bytes().decode(), wanted)
        except Stale:
            return False
    return True


def told(findings: Iterable[Line]) -> Counter[tuple[str | None, str, str]]:
    """How often each test has each finding, whatever line it is on by now."""
    counts: Counter[tuple[str | None, str, str]] = Counter()
    for finding in findings:
        counts[finding["place"]["test"], finding["kind"], finding["what"]] += finding["count"]
    return counts
