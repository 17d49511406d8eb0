#!/usr/bin/env bash
# After `pip uninstall` a pytest plugin can still be "found": as an empty namespace package.
#
# Seen with pip 26 and pytest 9.2.0, pytest-asyncio 1.5.0: pytest writes the bytecode of plugins whose asserts it rewrites as
# `__pycache__/*-pytest-9.2.0.pyc`. pip takes away the files that it installed and their usual bytecode, not these, so the
# folder stays. `importlib.util.find_spec` then gives a spec (origin None), `import pytest_asyncio` succeeds with a module that holds
# nothing, and code that asks in this way whether the plugin is installed is told that it is.
# Seen: before the uninstall an origin, after it no distribution, and an importable module without `fixture`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
unset PYTHONDONTWRITEBYTECODE
python3 -m venv env
env/bin/python -m pip install -q pytest==9.2.0 pytest-asyncio==1.5.0
echo 'def test_it(): pass' >test_it.py
env/bin/python -m pytest -q test_it.py >/dev/null 2>&1
env/bin/python -m pip uninstall -q -y pytest-asyncio
cat >asked.py <<'PYTHON'
import importlib.metadata
import importlib.util
import pathlib

import pytest_asyncio

try:
    installed = importlib.metadata.version("pytest-asyncio")
except importlib.metadata.PackageNotFoundError:
    installed = None
print("distribution:", installed)
print("spec:", importlib.util.find_spec("pytest_asyncio") is not None)
print("fixture:", hasattr(pytest_asyncio, "fixture"))
left = [path for folder in pytest_asyncio.__path__ for path in pathlib.Path(folder).rglob("*.py*")]
print("left:", all("-pytest-9.2.0" in path.name for path in left) and bool(left))
PYTHON
seen=$(env/bin/python asked.py)
echo "$seen"
[ "$seen" = "distribution: None
spec: True
fixture: False
left: True" ]
