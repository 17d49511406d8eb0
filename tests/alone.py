"""A script in an interpreter of its own, where no pytest and no watch is."""

from __future__ import annotations

import subprocess
import sys
import textwrap


def alone(script: str) -> str:
    """What a script prints."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout.strip()
