"""What a command cost: processor time and peak memory of it and of all that it started."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_COUNTED = re.compile(r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed)\b")
_MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True, slots=True)
class Command:
    """What to run, where, and what to add to the environment."""

    arguments: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run took: ``cpu`` in seconds (user and system), ``peak`` in bytes."""

    cpu: float
    peak: int
    status: int
    summary: str  # pytest's last line

    @property
    def tests(self) -> int:
        """How many tests ended, in whatever way, by pytest's own count."""
        return sum(int(number) for number, _ in _COUNTED.findall(self.summary))


def measure(command: Command) -> Cost:
    """Run a command once. Its output is shown nowhere; the last line of it is kept."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command.arguments,
            cwd=command.folder,
            env=_environment(command.environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        # wait4 and not RUSAGE_CHILDREN: that one's peak is the highest of all children so far
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        lines = output.read().decode(errors="replace").rstrip().splitlines()
    return Cost(
        cpu=usage.ru_utime + usage.ru_stime,
        peak=usage.ru_maxrss * _MAXRSS_BYTES,
        status=process.returncode,
        summary=lines[-1].strip("= ") if lines else "",
    )


def alternate(commands: Sequence[Command], *, repeats: int, warm_ups: int) -> list[list[Cost]]:
    """Each command's costs, measured in turn (A B B A ...); warm-ups are not counted."""
    for _ in range(warm_ups):
        for command in commands:
            measure(command)
    costs: list[list[Cost]] = [[] for _ in commands]
    for number in range(repeats):
        # what comes first in a round may find a cooler machine, or a busier one
        places = range(len(commands)) if number % 2 == 0 else reversed(range(len(commands)))
        for place in places:
            costs[place].append(measure(commands[place]))
    return costs


def cpu(costs: Sequence[Cost]) -> float:
    """The median of the processor times, in seconds."""
    return statistics.median(cost.cpu for cost in costs)


def ratios(costs: Sequence[Cost], base: Sequence[Cost]) -> list[float]:
    """How many times the processor time of its own round's base each run took."""
    return [one.cpu / other.cpu for one, other in zip(costs, base, strict=True)]


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    # the outer pytest's own variables would reach the measured one, and without .pyc files
    # the compiler is what is measured
    left_out = ("PYTHONDONTWRITEBYTECODE", "PYTHONWARNINGS", "PYTEST_CURRENT_TEST")
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    return {**kept, **extra}
