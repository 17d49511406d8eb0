"""pytest-aiohttp's fixtures on the shim."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import pytest

from anyrig import Finding
from inner import Suite
from support import run_pytest

pytest.importorskip("aiohttp", reason="the fixtures are there where aiohttp is")

SHIM = ("-p", "anyrig_compat", "--anyrig-compat-deprecations=off")
RUN_BY = {
    "shim": ("pytestmark = pytest.mark.asyncio", "strict"),
    "shim in auto mode": ("", "auto"),
    "shim on a wider loop": ('pytestmark = pytest.mark.asyncio(loop_scope="module")', "strict"),
    "anyio": (
        'pytestmark = [pytest.mark.anyio, pytest.mark.anyrig(backends=["asyncio"])]',
        "strict",
    ),
}
each_runner = pytest.mark.parametrize("run_by", RUN_BY)

BEGIN = """
import asyncio
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

ended = []

@pytest.fixture(autouse=True)
def expected():
    expected = []
    yield expected
    assert ended == expected
    ended.clear()

async def hello(request):
    return web.Response(text="hello")

def make_app(name="app"):
    async def end(app):
        ended.append(name)

    app = web.Application()
    app.router.add_get("/", hello)
    app.on_cleanup.append(end)
    return app

"""


def _write(suite: Suite, run_by: str, mode: str, tests: str) -> None:
    suite.write("test_it.py", BEGIN + f"{run_by}\n{tests}")
    (suite.path / "pytest.ini").write_text(f"[pytest]\nasyncio_mode = {mode}\n")


STARTED = """
async def test_app(aiohttp_client, expected):
    expected[:] = ["second", "first"]
    client = await aiohttp_client(make_app("first"))
    assert type(client) is TestClient
    assert await (await client.get("/")).text() == "hello"
    await aiohttp_client(make_app("second"), server_kwargs={"host": "localhost"})

async def test_server(aiohttp_server, aiohttp_client, aiohttp_unused_port, expected):
    expected[:] = ["app"]
    port = aiohttp_unused_port()
    server = await aiohttp_server(make_app(), port=port)
    assert type(server) is TestServer
    assert server.port == port
    client = await aiohttp_client(server)
    assert await (await client.get("/")).text() == "hello"

async def test_raw_server(aiohttp_raw_server, aiohttp_client):
    client = await aiohttp_client(await aiohttp_raw_server(hello))
    assert await (await client.get("/any")).text() == "hello"

async def test_loop(loop):
    assert loop is asyncio.get_running_loop()

async def test_unknown(aiohttp_client):
    with pytest.raises(ValueError, match="Unknown argument type"):
        await aiohttp_client("an app")
"""

CANNOT_START = """
async def fails(app):
    raise ValueError("no start")

async def test_fails(aiohttp_client, expected):
    expected[:] = ["well"]
    await aiohttp_client(make_app("well"))
    app = make_app("bad")
    app.on_startup.append(fails)
    with pytest.raises(ValueError):
        await aiohttp_client(app)
"""

FORGETS = """
async def test_forgets(aiohttp_client):
    aiohttp_client(make_app())
"""

OWN_CLASS = """
class Own(TestClient):
    pass

@pytest.fixture
def aiohttp_client_cls():
    return Own

async def test_own(aiohttp_client, expected):
    expected[:] = ["app"]
    assert type(await aiohttp_client(make_app())) is Own
"""

OWN_FIXTURE = """
@pytest.fixture
async def client(aiohttp_client):
    return await aiohttp_client(make_app())

async def test_it(client, expected):
    expected[:] = ["app"]
    assert await (await client.get("/")).text() == "hello"
"""

NOT_ASYNC = """
async def one():
    return 1

def test_sync(loop):
    assert loop.run_until_complete(one()) == 1
"""

# file -> its tests
BY_EACH = {"started": STARTED, "cannot_start": CANNOT_START, "forgets": FORGETS}
BY_ONE = {
    "shim": {"own_class": OWN_CLASS},
    "shim in auto mode": {"own_fixture": OWN_FIXTURE, "not_async": NOT_ASYNC},
}


class Told(NamedTuple):
    """How a run of some files ended: each file's tests, and the findings."""

    text: str
    ends: dict[str, Counter[str]]
    findings: list[Finding]


Runs = Callable[[str], Told]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Runs all that one of `RUN_BY` runs, once."""

    @cache
    def runs(run_by: str) -> Told:
        mark, mode = RUN_BY[run_by]
        folder = tmp_path_factory.mktemp("web")
        (folder / "pytest.ini").write_text(f"[pytest]\nasyncio_mode = {mode}\n")
        for name, tests in (BY_EACH | BY_ONE.get(run_by, {})).items():
            (folder / f"test_{name}.py").write_text(f"{BEGIN}{mark}\n{tests}")
        report = folder / "findings.jsonl"
        ran = run_pytest(folder, *SHIM, "-W", "error", "-rA", f"--anyrig-report={report}")
        lines = [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines()]
        ends: dict[str, Counter[str]] = {}
        for outcome, name in re.findall(r"^([A-Z]+) test_(\w+)\.py::", ran.text, re.MULTILINE):
            ends.setdefault(name, Counter())[outcome.lower()] += 1
        return Told(ran.text, ends, [Finding.from_json(line) for line in lines[1:]])

    return runs


@each_runner
def test_clients_and_servers_are_started_and_closed(runs: Runs, run_by: str) -> None:
    """Each fixture starts what it is given, and its end closes it, the last one first."""
    told = runs(run_by)
    assert told.ends["started"] == {"passed": 5}, told.text


@each_runner
def test_what_could_not_start_is_closed_as_well(runs: Runs, run_by: str) -> None:
    """A server whose application fails at its start fails its test and leaves nothing behind."""
    told = runs(run_by)
    assert told.ends["cannot_start"] == {"passed": 1}, told.text


@each_runner
def test_missed_await_of_a_factory_is_told(runs: Runs, run_by: str) -> None:
    """A client that is not awaited is a missed await at the line of the test, and nothing else."""
    told = runs(run_by)
    (finding,) = told.findings
    assert finding.kind.value == "missed_await"
    assert finding.origin is not None
    assert finding.origin.source == "aiohttp_client(make_app())"
    assert "aiohttp_client" in finding.what
    assert told.ends["forgets"] == {"failed": 1}


def test_class_of_the_client_is_the_projects(runs: Runs) -> None:
    """A project's own ``aiohttp_client_cls`` is what the clients are made of."""
    told = runs("shim")
    assert told.ends["own_class"] == {"passed": 1}, told.text


def test_async_fixtures_of_the_project_stand_on_them(runs: Runs) -> None:
    """A project's async fixture may ask for a client, as in pytest-aiohttp's docs."""
    told = runs("shim in auto mode")
    assert told.ends["own_fixture"] == {"passed": 1}, told.text


def test_loop_serves_a_test_that_is_not_async(runs: Runs) -> None:
    """A sync test runs its own coroutines with ``loop.run_until_complete``, as it could."""
    told = runs("shim in auto mode")
    assert told.ends["not_async"] == {"passed": 1}, told.text


def test_proactor_loop_says_that_it_is_windows_own(suite: Suite) -> None:
    """Elsewhere ``proactor_loop`` says why it can't be."""
    _write(suite, "", "strict", "def test_it(proactor_loop):\n    assert proactor_loop\n")
    ran = suite.spawn(*SHIM)
    assert "the fixture proactor_loop is for Windows" in ran.text


def test_another_plugin_that_has_them_wins(suite: Suite) -> None:
    """Where a plugin of pytest-aiohttp's name is there, the fixtures are its own."""
    suite.write("pytest_aiohttp/__init__.py", "")
    suite.write(
        "pytest_aiohttp/plugin.py",
        """
        import pytest

        @pytest.fixture
        def aiohttp_client():
            return "theirs"
        """,
    )
    suite.write(
        "test_it.py",
        """
        def test_theirs(aiohttp_client):
            assert aiohttp_client == "theirs"
        """,
    )
    theirs = ("-p", "pytest_aiohttp.plugin")
    assert suite.spawn(*theirs, *SHIM).counts == {"passed": 1}
    assert "anyrig_compat/web.py" not in suite.spawn(*theirs, *SHIM, "--fixtures").text
    assert "anyrig_compat/web.py" in suite.spawn(*SHIM, "--fixtures").text


def test_each_use_is_counted(suite: Suite) -> None:
    """The end of the run says what is left of them, and what to write."""
    _write(
        suite,
        *RUN_BY["shim"],
        "async def test_it(aiohttp_client, loop):\n    pass\n",
    )
    ran = suite.spawn("-p", "anyrig_compat")
    assert "aiohttp_client: 1 use, first at test_it.py:28\n    write a fixture" in ran.text
    assert "\nloop: 1 use, first at test_it.py:28\n    write asyncio.get_running_loop(" in ran.text
