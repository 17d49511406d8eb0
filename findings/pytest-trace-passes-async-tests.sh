#!/usr/bin/env bash
# `pytest --trace` turns an async test that fails into one that passes.
#
# Seen on pytest 9.2.0 with anyio 4.16.0's plugin (CPython 3.11.7, 3.13.0): `--trace` calls the test's
# function by `Pdb.runcall`, which makes the coroutine and drops it. The plugin finds no coroutine
# function any more and leaves the call to pytest. Without `--trace` the test fails, as it should;
# with it: "1 passed, 1 warning", exit status 0, and the body never ran.
# Surprising, for one reaches for `--trace` to see why a test fails. `--pdb` is not concerned.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/python -m pip install -q pytest==9.2.0 anyio==4.16.0
cat >test_it.py <<'PYTHON'
import pytest


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.mark.anyio
async def test_it():
    assert 1 == 2
PYTHON
plain=$(env/bin/python -m pytest -q -p no:cacheprovider test_it.py 2>&1) && plain="exit 0: $plain"
traced=$(printf 'continue\ncontinue\n' | timeout 60 env/bin/python -m pytest -q -p no:cacheprovider --trace test_it.py 2>&1) || {
    echo "changed: with --trace the test does not pass any more"
    exit 1
}
tail -n 1 <<<"$plain"
tail -n 1 <<<"$traced"
grep -q '^1 failed in' <<<"$plain"
grep -q "coroutine 'test_it' was never awaited" <<<"$traced"
grep -q '^1 passed, 1 warning in' <<<"$traced"
