"""Tests that have moved to both backends, and the asyncio-only fixtures that they keep."""

from __future__ import annotations

import sys
from importlib import metadata

import pytest

from inner import Suite

PLUGINS = ("anyio", "anyrig", "anyrig_compat")

FIXTURES = """
import asyncio
import anyio
import pytest
import pytest_asyncio
import sniffio

made = []

class Server:
    def __init__(self):
        self.loop = asyncio.get_running_loop()
        self.queue = asyncio.Queue()

    async def ask(self, question):
        assert sniffio.current_async_library() == "asyncio"
        await asyncio.sleep(0)
        return question.upper()

    def tell(self, thing):
        self.queue.put_nowait(thing)

@pytest_asyncio.fixture(scope="module")
async def server():
    made.append("up")
    yield Server()
    made.append("down")

@pytest_asyncio.fixture
async def own():
    return Server()
"""


def test_they_serve_both(suite: Suite) -> None:
    """An asyncio-only fixture serves tests on asyncio, on trio, and those that have not moved."""
    suite.write(
        "test_it.py",
        FIXTURES
        + """
@pytest.mark.asyncio(loop_scope="module")
async def test_old(server):
    assert server.loop is asyncio.get_running_loop()
    assert await server.ask("who") == "WHO"

@pytest.mark.anyio
async def test_moved(server, own, anyio_backend_name):
    assert sniffio.current_async_library() == anyio_backend_name
    assert await server.ask("who") == "WHO"
    async with anyio.create_task_group() as group:
        group.start_soon(own.queue.put, 1)
        assert await own.queue.get() == 1

@pytest.mark.anyio
async def test_told(server):
    server.tell("this")
    assert await server.queue.get() == "this"
""",
    )
    ran = suite.spawn("-v", plugins=PLUGINS)
    assert ran.counts == {"passed": 5}, ran.text
    assert suite.found == []


def test_a_moved_test_shares_the_loop(suite: Suite) -> None:
    """On asyncio, a test that has moved runs on the loop of its widest asyncio fixture."""
    suite.write(
        "test_it.py",
        FIXTURES
        + """
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.anyio
async def test_moved(server, own):
    assert server.loop is own.loop is asyncio.get_running_loop()
""",
    )
    assert suite.run("-p", "anyrig_compat").counts == {"passed": 1}


def test_a_wide_fixture_is_set_up_anew(suite: Suite) -> None:
    """What serves tests of the other library is torn down before, and never handed over."""
    suite.write(
        "test_it.py",
        FIXTURES
        + """
@pytest.mark.anyrig(backends=["asyncio"])
@pytest.mark.anyio
async def test_first(server):
    assert made == ["up"]

@pytest.mark.anyrig(backends=["trio"])
@pytest.mark.anyio
async def test_second(server):
    assert made == ["up", "down", "up"]
    assert await server.ask("who") == "WHO"

@pytest.mark.asyncio(loop_scope="module")
async def test_third(server):
    assert made == ["up", "down", "up", "down", "up"]
""",
    )
    ran = suite.spawn("-v", plugins=PLUGINS)
    assert ran.counts == {"passed": 3}, ran.text


def test_a_fixture_that_failed_for_one_test(suite: Suite) -> None:
    """A fixture that can't serve one test is tried again for the next one of another library."""
    suite.write(
        "test_it.py",
        FIXTURES
        + """
from anyrig_compat import current_guest

@pytest_asyncio.fixture(scope="module")
async def picky(server):
    assert current_guest() is None, "not on trio"
    yield server

@pytest.mark.parametrize("anyio_backend", ["trio"])
@pytest.mark.anyio
async def test_on_trio(picky):
    pass

@pytest.mark.asyncio(loop_scope="module")
async def test_old(picky):
    assert await picky.ask("who") == "WHO"
""",
    )
    ran = suite.spawn(plugins=PLUGINS)
    assert ran.counts == {"passed": 1, "error": 1}, ran.text
    assert "not on trio" in ran.text


@pytest.mark.parametrize("scope", ["module", "package", "session"])
def test_a_fixture_wider_than_the_backend(suite: Suite, scope: str) -> None:
    """On trio it lasts as long as ``anyio_backend``; on asyncio as long as it says."""
    suite.write(
        "conftest.py",
        FIXTURES.replace('scope="module"', f'scope="{scope}", loop_scope="session"'),
    )
    for name in ("test_a.py", "test_b.py"):
        suite.write(
            name,
            """
            import asyncio
            import pytest
            from conftest import made

            pytestmark = pytest.mark.anyio
            servers = []

            async def test_first(server):
                assert await server.ask("who") == "WHO"
                servers.append(server.loop)
                assert made.count("up") - made.count("down") == 1

            async def test_second(server):
                assert servers[-1] == server.loop

            @pytest.mark.parametrize("anyio_backend", ["trio"])
            async def test_narrower(server):
                assert await server.ask("who") == "WHO"
                assert made.count("up") - made.count("down") == 1

            @pytest.mark.asyncio(loop_scope="session")
            async def test_old(server):
                assert await server.ask("who") == "WHO"
                assert server.loop is asyncio.get_running_loop()
            """,
        )
    ran = suite.spawn("-v", plugins=PLUGINS)
    assert ran.counts == {"passed": 12}, ran.text
    assert suite.found == []


@pytest.mark.parametrize("modes", [("auto", "strict"), ("strict", "strict"), ("strict", "auto")])
def test_on_both(suite: Suite, modes: tuple[str, str]) -> None:
    """``anyrig_compat_backends = both`` tries each test on trio as well; the fixtures serve it."""
    settings = f"anyio_mode = {modes[0]}\nasyncio_mode = {modes[1]}"
    suite.write("pytest.ini", f"[pytest]\n{settings}\nanyrig_compat_backends = both\n")
    suite.write(
        "test_it.py",
        FIXTURES
        + """
@pytest.mark.asyncio
async def test_can_move(own):
    assert await own.ask("who") == "WHO"

@pytest.mark.asyncio
async def test_can_not():
    await asyncio.sleep(0)
    await asyncio.get_running_loop().create_future()
""",
    )
    ran = suite.spawn("-v", "-k", "can_move", plugins=PLUGINS)
    assert ran.counts == {"passed": 2}, ran.text
    assert "test_can_move[trio] PASSED" in ran.text
    ran = suite.spawn("-v", "-k", "can_not and trio", plugins=PLUGINS)
    assert ran.counts["failed"] == 1


def test_a_wrong_word_for_the_backends(suite: Suite) -> None:
    """A wrong word is answered with the file, the line and the right ones."""
    suite.ini("anyrig_compat_backends = trio")
    suite.write("test_it.py", "def test_nothing():\n    pass\n")
    ran = suite.run("-p", "anyrig_compat", report=False)
    assert ran.status == 4
    text = "pytest.ini:3: anyrig_compat_backends: unknown word 'trio'; use 'asyncio', 'both'"
    assert text in ran.text


def test_a_missed_await_on_the_other_side(suite: Suite) -> None:
    """A bridged call that is not awaited, and one in code on the guest, fail the test."""
    suite.write(
        "test_it.py",
        FIXTURES
        + """
async def drops():
    drops_inside()

async def drops_inside():
    pass

class Dropper:
    async def run(self):
        drops_inside()

@pytest_asyncio.fixture
async def dropper():
    return Dropper()

@pytest.mark.parametrize("anyio_backend", ["trio"])
@pytest.mark.anyio
async def test_bridged(own):
    own.ask("who")

@pytest.mark.parametrize("anyio_backend", ["trio"])
@pytest.mark.anyio
async def test_inside(dropper):
    await dropper.run()
""",
    )
    ran = suite.spawn(plugins=PLUGINS)
    assert [(kind, (test or "").partition("[")[0]) for kind, test, _ in suite.found] == [
        ("missed_await", "test_bridged"),
        ("missed_await", "test_inside"),
    ], ran.text


def test_virtual_time_is_shared(suite: Suite) -> None:
    """In virtual time, what the guest waits for takes none either."""
    suite.write(
        "test_it.py",
        """
        import asyncio
        import pytest
        import pytest_asyncio
        import anyio

        class Poller:
            async def wait(self):
                await asyncio.sleep(3600)
                return asyncio.get_running_loop().time()

        @pytest_asyncio.fixture
        async def poller():
            return Poller()

        @pytest.mark.anyio
        async def test_it(poller, clock):
            before = anyio.current_time()
            assert await poller.wait() - before == 3600
        """,
    )
    ran = suite.spawn(plugins=PLUGINS)
    assert ran.counts == {"passed": 2}, ran.text


def test_leaving_changes_nothing(suite: Suite) -> None:
    """A suite that has moved runs the same without the shim."""
    suite.write(
        "test_it.py",
        """
        import anyio
        import pytest

        @pytest.fixture
        async def number():
            yield 1

        @pytest.mark.anyio
        async def test_it(number, task_group):
            task_group.start_soon(anyio.sleep, 1)
            assert number == 1

        async def test_auto():
            pass

        def test_sync():
            pass
        """,
    )
    ran = [suite.run("-v", *shim, report=False) for shim in ([], ["-p", "anyrig_compat"])]
    assert ran[0].counts == ran[1].counts == {"passed": 5}
    listed = [[line for line in one.text.splitlines() if line.startswith("test_it")] for one in ran]
    assert listed[0] == listed[1]
    assert "old names" not in ran[1].text


def test_a_file_that_has_moved_but_for_one_test(suite: Suite) -> None:
    """The mark ``asyncio`` means asyncio alone, also in a file that is marked ``anyio``."""
    suite.write(
        "test_it.py",
        """
        import asyncio
        import pytest

        pytestmark = pytest.mark.anyio

        async def test_moved(anyio_backend_name):
            pass

        @pytest.mark.asyncio
        async def test_old():
            asyncio.get_running_loop()

        class TestOld:
            pytestmark = pytest.mark.asyncio

            @pytest.mark.parametrize("number", [1, 2])
            async def test_it(self, number):
                asyncio.get_running_loop()
        """,
    )
    ran = suite.spawn("-v", plugins=PLUGINS)
    assert ran.counts == {"passed": 5}, ran.text
    assert "test_old PASSED" in ran.text
    assert "test_it[1] PASSED" in ran.text


WITHOUT_WRAPT = {
    "missing": 'to bridge asyncio and trio needs wrapt >= 2.2: pip install "anyrig[compat]"',
    "1.17.3": 'needs wrapt >= 2.2: pip install "anyrig[compat]" (there is wrapt 1.17.3)',
}


@pytest.fixture(params=WITHOUT_WRAPT)
def words_without_wrapt(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """An environment without wrapt, or with one that is too old, and what is said of it."""
    real = metadata.version

    def version(name: str) -> str:
        if name != "wrapt":
            return real(name)
        if request.param == "missing":
            raise metadata.PackageNotFoundError(name)
        return str(request.param)

    monkeypatch.setattr(metadata, "version", version)
    monkeypatch.setitem(sys.modules, "wrapt", None)
    monkeypatch.delitem(sys.modules, "anyrig_compat.proxies", raising=False)
    return WITHOUT_WRAPT[request.param]


def test_both_needs_wrapt(suite: Suite, words_without_wrapt: str) -> None:
    """A run that is to try trio ends at its start, in one line, where nothing can be bridged."""
    suite.write("test_it.py", FIXTURES + "async def test_it(server):\n    pass\n")
    suite.ini("asyncio_mode = auto", "anyrig_compat_backends = both")
    ran = suite.run("-p", "anyrig_compat", report=False)
    assert (ran.status, ran.counts) == (4, {})
    assert "ERROR: anyrig_compat_backends = both: to bridge" in ran.text
    assert words_without_wrapt in ran.text


def test_a_bridge_needs_wrapt(suite: Suite, words_without_wrapt: str) -> None:
    """Without it what needs no bridge runs, and what does is told in one line."""
    suite.write(
        "test_it.py",
        FIXTURES
        + """
@pytest.mark.asyncio
async def test_old(server):
    pass

@pytest.mark.anyio
async def test_moved(server):
    pass

@pytest.mark.anyio
async def test_new():
    pass
""",
    )
    ran = suite.run("-p", "anyrig_compat")
    assert ran.counts == {"passed": 4, "error": 1}, ran.text
    assert words_without_wrapt in ran.text
    assert "running.py" not in ran.text
