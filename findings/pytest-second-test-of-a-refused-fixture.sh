#!/usr/bin/env bash
# An autouse async fixture that no plugin handles: the first test is told so, the second gets a bare AssertionError.
#
# Seen on pytest 9.2.0: pytest refuses the fixture for test_one by `Failed: ... requested an async fixture ...`, after it has registered
# its finalizer on the definition. For test_two, `FixtureDef.execute` finds that finalizer and stops at `assert not self._finalizers`, with no
# message. So in a file of many tests all but one show an assertion inside pytest, and the cause stands at the first alone.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/python -m pip install -q pytest==9.2.0
cat >test_it.py <<'PYTHON'
import pytest


@pytest.fixture(autouse=True)
async def connection():
    yield


def test_one():
    pass


def test_two():
    pass
PYTHON
seen=$(COLUMNS=120 timeout 60 env/bin/python -m pytest -q --tb=line -p no:cacheprovider test_it.py 2>&1) || true
grep -E '^ERROR test_it' <<<"$seen"
grep -q "^ERROR test_it.py::test_one - Failed: 'test_one' requested an async fixture 'connection'" <<<"$seen"
grep -qE '^ERROR test_it.py::test_two - (AssertionError|assert )' <<<"$seen"
