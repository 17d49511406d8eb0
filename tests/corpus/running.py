"""One pytest run over the samples in a process of its own, and what it left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from .notation import World

HERE = Path(__file__).parent
SAMPLES = HERE / "samples"
BOUND_SECONDS = 300  # a run takes a few seconds; this ends one that hangs

HOSTILITIES: dict[str, tuple[str, ...]] = {
    "plain": (),
    "-W error": ("-W", "error"),
    "-W ignore": ("-W", "ignore"),
    "no:warnings": ("-p", "no:warnings"),
    "-n 2": ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"),
    # without hooks of the user's, less is looked through at the end of each phase
    "no hooks": ("--ignore=late",),
    # another system, as far as Linux can be one
    "windows": ("-p", "corpus.windows"),
    "macos": ("-p", "corpus.macos"),
}


@dataclass(frozen=True, slots=True)
class Run:
    """What a run left behind; test ids are without the name of the backend."""

    status: int
    output: str
    facts: dict[str, Any]
    findings: list[dict[str, Any]]
    reports: list[dict[str, Any]]
    junit: ElementTree.Element


def run_samples(world: World, folder: Path, *arguments: str, samples: Path = SAMPLES) -> Run:
    """Run the samples (all, unless ``arguments`` name some) and gather what is left in folder.

    ``samples`` is where they are: a copy, say.
    """
    report, record, junit = folder / "findings.jsonl", folder / "record.jsonl", folder / "junit.xml"
    command = [sys.executable, "-m", "pytest", "-c", str(samples / "pytest.ini")]
    command += ["-p", "corpus.recorder", "-p", "no:asyncio", "-p", "no:trio"]
    command += ["-p", "no:cacheprovider", "--record", str(record), "--anyrig-report", str(report)]
    command += ["--junit-xml", str(junit), "-o", f"anyrig_backends={world.backend}"]
    command += ["--tb=native"]  # two hundred long tracebacks take half of the time
    command += [f"--ignore-glob=*{ending}" for ending in world.left_out]
    command += [*HOSTILITIES[world.hostility], *arguments]
    done = subprocess.run(
        command,
        cwd=samples,
        env=_environment(folder),
        capture_output=True,
        text=True,
        timeout=BOUND_SECONDS,
        check=False,
    )
    output = done.stdout + done.stderr
    assert record.exists(), output
    assert junit.exists(), output
    facts, *findings = _lines(report)
    return Run(
        status=done.returncode,
        output=output,
        facts=facts,
        findings=[_nameless(finding, world) for finding in findings],
        reports=[_nameless(line, world) for line in _lines(record)],
        junit=ElementTree.parse(junit).getroot(),
    )


def _environment(folder: Path) -> dict[str, str]:
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST_", "PYTHONWARNINGS", "PYTHONASYNCIODEBUG"))
        and name not in ("CI", "BUILD_NUMBER")
    }
    environment["PYTHONPATH"] = str(HERE.parent)
    environment["HYPOTHESIS_STORAGE_DIRECTORY"] = str(folder / "hypothesis")
    return environment


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _nameless(facts: dict[str, Any], world: World) -> dict[str, Any]:
    """The facts with the backend's name taken out of the test id."""
    place = facts.get("place")
    if place is not None:
        return {**facts, "place": {**place, "test": _without(place["test"], world.backend)}}
    return {**facts, "node": _without(facts["node"], world.backend)}


def _without(test: str | None, backend: str) -> str | None:
    if test is None:
        return None
    for bracket, shorter in (("[{}]", ""), ("[{}-", "["), ("-{}]", "]")):
        if (named := bracket.format(backend)) in test:
            return test.replace(named, shorter)
    return test
