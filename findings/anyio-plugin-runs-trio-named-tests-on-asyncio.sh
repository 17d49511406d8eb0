#!/usr/bin/env bash
# A test whose name says [trio] runs on asyncio, and passes.
#
# Seen on anyio 4.16.0 with pytest 9.2.0 and trio 0.35.0 (CPython 3.11.7, 3.13.0). `anyio_backend` is a
# module fixture with two parameters, and an async module fixture does not ask for it: pytest keeps
# that fixture's value for both parameters, and with it anyio's one runner, which is asyncio's.
# Nothing is said. With `anyio_backend` among that fixture's arguments each half runs on its own.
# Surprising, for the parameter is in the name of each test, and the suite counts as tested on both.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/python -m pip install -q pytest==9.2.0 anyio==4.16.0 trio==0.35.0 sniffio==1.3.1
cat >test_it.py <<'PYTHON'
import pytest
import sniffio

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module", params=["asyncio", "trio"])
def anyio_backend(request):
    return request.param


@pytest.fixture(scope="module")
async def server():
    return "a server"


async def test_server(server, request):
    print(f"\n{request.node.name} runs on {sniffio.current_async_library()}")
PYTHON
said=$(timeout 60 env/bin/python -m pytest -q -s -p no:cacheprovider test_it.py 2>&1)
printf '%s\n' "$said"
grep -q '^test_server\[trio\] runs on asyncio$' <<<"$said"
grep -q '^2 passed in' <<<"$said"
sed -i 's/async def server():/async def server(anyio_backend):/' test_it.py
timeout 60 env/bin/python -m pytest -q -s -p no:cacheprovider test_it.py 2>&1 | grep '^test_server\[trio\] runs on trio$'
