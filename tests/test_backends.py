"""What async tests run on: the names, the project's own fixture, the backend that is running."""

from __future__ import annotations

import sys

import pytest

from inner import OWN_BACKEND, WRONG_BACKEND, Suite

TELLS = """
import asyncio
import sniffio

async def test_tells(record_property):
    record_property("library", sniffio.current_async_library())
    if sniffio.current_async_library() == "asyncio":
        loop = asyncio.get_running_loop()
        record_property("loop", type(loop).__module__.partition(".")[0])
        eager = getattr(asyncio, "eager_task_factory", "none")
        record_property("eager", loop.get_task_factory() is eager)
"""
EAGER = ["asyncio+eager"] if sys.version_info >= (3, 12) else []


def test_default_backends(suite: Suite) -> None:
    """Without a setting, every async test runs on asyncio and on trio, and a sync one once."""
    suite.write("test_it.py", "async def test_it(): ...\ndef test_sync(): ...\n")
    assert suite.ids() == ["asyncio", "trio", ""]


def test_each_backend_runs_what_it_names(suite: Suite) -> None:
    """Each of the backends has a readable test id and runs the loop that it names."""
    names = ["asyncio", "asyncio+uvloop", *EAGER, "trio"]
    suite.ini(f"anyrig_backends = {' '.join(names)}", "junit_family = legacy")
    suite.write("test_it.py", TELLS)
    ran = suite.run("-v", "--junit-xml=junit.xml")
    assert ran.status == 0, ran.text
    assert [name for name in names if f"test_tells[{name}] PASSED" in ran.text] == names
    junit = (suite.path / "junit.xml").read_text()
    assert junit.count('name="loop" value="uvloop"') == 1
    assert junit.count('name="eager" value="True"') == len(EAGER)
    assert junit.count('name="library" value="trio"') == 1


def test_same_backend_twice_is_one(suite: Suite) -> None:
    """A backend that is named twice runs once."""
    suite.ini("anyrig_backends = trio trio asyncio")
    suite.write("test_it.py", "async def test_it(): ...\n")
    assert suite.ids() == ["trio", "asyncio"]


def test_header_names_the_backends(suite: Suite) -> None:
    """The run's header says what async tests run on, narrowed where the command line narrows."""
    suite.write("test_it.py", "async def test_it(): ...\n")
    assert ", backends: asyncio, trio\n" in suite.run().text
    assert ", backends: trio\n" in suite.run("--anyrig-backend=trio").text


@pytest.mark.parametrize("scope", ["", '(scope="session")', '(scope="module")'])
@pytest.mark.parametrize("place", ["conftest", "folder", "module", "class", "plugin"])
def test_own_fixture_wins(suite: Suite, place: str, scope: str) -> None:
    """A project's own ``anyio_backend`` is what runs, wherever the project has it."""
    suite.ini("anyrig_backends = asyncio")
    own = OWN_BACKEND.format(scope=scope)
    test = "async def test_it(anyio_backend_name):\n    assert anyio_backend_name == 'trio'\n"
    files = {
        "conftest": {"conftest.py": own, "test_it.py": test},
        "folder": {"sub/conftest.py": own, "sub/test_it.py": test},
        "module": {"test_it.py": own + test},
        "class": {"test_it.py": _class(own, test)},
        "plugin": {"own.py": own, "conftest.py": "pytest_plugins = ['own']\n", "test_it.py": test},
    }
    for name, text in files[place].items():
        suite.write(name, text)
    if place == "plugin":
        suite.syspath()
    ran = suite.run()
    assert ran.status == 0, ran.text
    assert ran.counts == {"passed": 1}


def test_own_fixture_of_a_plugin_that_came_before_anyios(suite: Suite) -> None:
    """A plugin's own ``anyio_backend`` wins also where ``-p`` loads it before anyio's plugin."""
    suite.ini("anyrig_backends = asyncio", "addopts = -p own")
    suite.write("own.py", OWN_BACKEND.format(scope=""))
    suite.write("test_it.py", "async def test_it(): ...\n")
    suite.syspath()
    assert suite.ids() == [""]


def _class(own: str, test: str) -> str:
    body = (own.replace("import pytest", "") + test).replace("(anyio", "(self, anyio")
    body = body.replace("anyio_backend():", "anyio_backend(self):")
    return "import pytest\nclass TestIt:\n" + "".join(f"    {line}\n" for line in body.splitlines())


def test_own_fixture_of_one_folder_leaves_the_others(suite: Suite) -> None:
    """A folder's own ``anyio_backend`` says nothing of the suite's other folders."""
    suite.ini("anyrig_backends = asyncio")
    suite.write("one/conftest.py", OWN_BACKEND.format(scope=""))
    suite.write("one/test_one.py", "async def test_it(): ...\n")
    suite.write("two/test_two.py", "async def test_it(): ...\n")
    assert suite.ids("one", "two") == ["", "asyncio"]


@pytest.mark.parametrize("policy", ["fail", "warn", "off"])
def test_wrong_backend(suite: Suite, policy: str) -> None:
    """A test that runs on another backend than it names is told at its line, before its body."""
    suite.write("test_it.py", WRONG_BACKEND.replace("pass\n", "print('ran')\n"))
    ran = suite.run(f"--anyrig-wrong-backend={policy}", "-rP")
    assert ran.status == (1 if policy == "fail" else 0), ran.text
    if policy == "off":
        assert suite.findings == []
        return
    (finding,) = suite.findings
    assert finding.summary == "this test names trio and runs on asyncio"
    assert finding.origin is not None
    assert finding.origin.source == "async def test_wrong():"
    assert ran.text.count("ran\n") == (1 if policy == "fail" else 2)


def test_marks_and_auto_mode_are_anyios_own(suite: Suite) -> None:
    """Without auto mode, an ``anyio`` mark runs a test on each backend and nothing else does."""
    suite.write("pytest.ini", "[pytest]\n")
    suite.write(
        "test_it.py",
        """
        import pytest

        @pytest.mark.anyio
        async def test_marked(): ...

        async def test_asks(anyio_backend): ...
        """,
    )
    assert sorted(suite.ids()) == ["asyncio", "asyncio", "trio", "trio"]
    assert suite.run().counts == {"passed": 4}
