"""Healthy suites of well-known libraries: ``python tests/library_suites.py [pytest's arguments]``.

Nothing in ``tests/libraries`` is wrong, so a finding there is a false one, or a test to mend: each
has to be read. A new environment gets the versions of ``pins.txt`` and anyrig from this checkout,
and the suites run in it with every kind of finding as a failure; those of libraries for asyncio
alone run there, the others on both backends. Its status is pytest's.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
SUITES = HERE / "libraries"
POLICIES = ("leaked_threads", "blocked_loop", "leaked_contextvars")  # these warn by default


def main(arguments: list[str]) -> int:
    """Run the suites; pytest's exit status."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        scripts = "Scripts" if sys.platform == "win32" else "bin"
        python = str(Path(folder) / scripts / "python")
        pip = [python, "-m", "pip", "install", "-q"]
        subprocess.run([*pip, "-U", "pip"], check=True)
        subprocess.run([*pip, str(HERE.parent), "-r", str(SUITES / "pins.txt")], check=True)
        options = ["anyio_mode=auto", "python_files=suite_*.py", "anyrig_backends=asyncio trio"]
        options += [f"anyrig_{policy}=fail" for policy in POLICIES]
        settings = [one for option in options for one in ("-o", option)]
        config = Path(folder) / "pytest.ini"
        config.write_text("[pytest]\n", encoding="utf-8")
        command = [python, "-m", "pytest", "-c", str(config), "--rootdir", str(SUITES)]
        command += ["-p", "no:cacheprovider", *settings, *arguments, str(SUITES)]
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
