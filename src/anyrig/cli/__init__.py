"""The `anyrig` command; each subcommand is a module of its own, imported when it is asked for.

demo    a suite that looks right and is not, under plain pytest and under anyrig
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from .._version import __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line (``sys.argv`` where none is given); returns the exit status."""
    asked = _parser().parse_args(arguments)
    from . import demo

    return demo.main(asked.keep)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="anyrig", description="A pytest plugin that makes async tests tell the truth."
    )
    parser.add_argument("--version", action="version", version=f"anyrig {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    demo = commands.add_parser(
        "demo",
        help="show what anyrig finds in a small suite that looks right",
        description=(
            "Write a small suite that looks right, run it under plain pytest and then with anyrig, "
            "on asyncio and on trio, and say what each of them noticed."
        ),
    )
    demo.add_argument(
        "--keep",
        metavar="DIR",
        type=Path,
        help="write the suite to this new folder and keep it, to read and to run it again",
    )
    return parser
