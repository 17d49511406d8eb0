"""What async tests run on: the names, the project's own fixture, the backend that is running."""

from __future__ import annotations

import sys

import pytest

from inner import WRONG_BACKEND, Suite

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


def _ids(suite: Suite, *arguments: str) -> list[str]:
    """What is after the name in the ids of the collected ``test_it``s."""
    text = suite.run("--collect-only", "-q", *arguments).text
    ids = [line for line in text.splitlines() if "::test_" in line]
    return [line.partition("[")[2].rstrip("]") for line in ids]


def test_default_backends(suite: Suite) -> None:
    """Without a setting, every async test runs on asyncio and on trio, and a sync one once."""
    suite.write("test_it.py", "async def test_it(): ...\ndef test_sync(): ...\n")
    assert _ids(suite) == ["asyncio", "trio", ""]


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
    assert _ids(suite) == ["trio", "asyncio"]


def test_header_names_the_backends(suite: Suite) -> None:
    """The run's header says what async tests run on, narrowed where the command line narrows."""
    suite.write("test_it.py", "async def test_it(): ...\n")
    assert ", backends: asyncio, trio\n" in suite.run().text
    assert ", backends: trio\n" in suite.run("--anyrig-backend=trio").text


OWN = """
import pytest

@pytest.fixture{scope}
def anyio_backend():
    return "trio"
"""


@pytest.mark.parametrize("scope", ["", '(scope="session")', '(scope="module")'])
@pytest.mark.parametrize("place", ["conftest", "folder", "module", "class", "plugin"])
def test_own_fixture_wins(suite: Suite, place: str, scope: str) -> None:
    """A project's own ``anyio_backend`` is what runs, wherever the project has it."""
    suite.ini("anyrig_backends = asyncio")
    own = OWN.format(scope=scope)
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
    suite.write("own.py", OWN.format(scope=""))
    suite.write("test_it.py", "async def test_it(): ...\n")
    suite.syspath()
    assert _ids(suite) == [""]


def _class(own: str, test: str) -> str:
    body = (own.replace("import pytest", "") + test).replace("(anyio", "(self, anyio")
    body = body.replace("anyio_backend():", "anyio_backend(self):")
    return "import pytest\nclass TestIt:\n" + "".join(f"    {line}\n" for line in body.splitlines())


def test_own_fixture_of_one_folder_leaves_the_others(suite: Suite) -> None:
    """A folder's own ``anyio_backend`` says nothing of the suite's other folders."""
    suite.ini("anyrig_backends = asyncio")
    suite.write("one/conftest.py", OWN.format(scope=""))
    suite.write("one/test_one.py", "async def test_it(): ...\n")
    suite.write("two/test_two.py", "async def test_it(): ...\n")
    assert _ids(suite, "one", "two") == ["", "asyncio"]


def test_command_line_narrows(suite: Suite) -> None:
    """``--anyrig-backend`` keeps the variants of that backend and all sync tests."""
    suite.write("test_it.py", "async def test_it(): ...\ndef test_sync(): ...\n")
    ran = suite.run("--anyrig-backend=trio", "-v")
    assert "test_it[trio] PASSED" in ran.text
    assert "test_sync PASSED" in ran.text
    assert "asyncio" not in ran.text.partition("collected")[2]


def test_command_line_narrows_to_several(suite: Suite) -> None:
    """``--anyrig-backend`` may be given more than once."""
    suite.ini("anyrig_backends = asyncio asyncio+uvloop trio")
    suite.write("test_it.py", "async def test_it(): ...\n")
    narrowed = ["--anyrig-backend=trio", "--anyrig-backend=asyncio+uvloop"]
    assert _ids(suite, *narrowed) == ["asyncio+uvloop", "trio"]


def test_command_line_narrows_a_fixture_of_the_projects_own(suite: Suite) -> None:
    """``--anyrig-backend`` narrows what a project's own fixture is parametrised with, too."""
    suite.write(
        "conftest.py",
        """
        import pytest

        @pytest.fixture(params=["asyncio", ("trio", {}), ("asyncio", {"debug": True})], ids="atd")
        def anyio_backend(request):
            return request.param
        """,
    )
    suite.write("test_it.py", "async def test_it(): ...\n")
    assert _ids(suite, "--anyrig-backend=trio") == ["t"]
    assert _ids(suite, "--anyrig-backend=asyncio") == ["a", "d"]


def test_command_line_narrows_what_has_no_parameter(suite: Suite) -> None:
    """A test whose own fixture runs another backend is skipped, and the reason is told."""
    suite.write("conftest.py", OWN.format(scope=""))
    suite.write("test_it.py", "async def test_it(): ...\n")
    ran = suite.run("--anyrig-backend=asyncio", "-rs")
    assert ran.counts == {"skipped": 1}, ran.text
    assert "narrowed to asyncio" in " ".join(ran.text.split())


@pytest.mark.parametrize("asked", ["asyncio+uvloop", "curio"])
def test_command_line_names_a_backend_that_is_not_of_the_run(suite: Suite, asked: str) -> None:
    """A backend that the run does not have is an error that lists those it has."""
    ran = suite.run(f"--anyrig-backend={asked}")
    assert ran.status == 4
    assert f"--anyrig-backend: {'the' if '+' in asked else 'unknown'} backend '{asked}'" in ran.text
    assert "'asyncio', 'trio'" in ran.text


def test_marker_narrows(suite: Suite) -> None:
    """The marker keeps a test's variants of the named backends alone; nearer marks narrow more."""
    suite.ini("anyrig_backends = asyncio asyncio+uvloop trio")
    suite.write(
        "test_it.py",
        """
        import pytest
        pytestmark = pytest.mark.anyrig(backends=["asyncio", "trio"])

        async def test_module(): ...

        @pytest.mark.anyrig(backends=["trio"])
        async def test_own(): ...

        @pytest.mark.anyrig(backends=["trio"])
        def test_sync(): ...
        """,
    )
    assert _ids(suite) == ["asyncio", "trio", "trio", ""]


def test_marker_and_command_line_together(suite: Suite) -> None:
    """A test that is marked for one backend is left out of a run on another."""
    suite.write(
        "test_it.py",
        """
        import pytest

        @pytest.mark.anyrig(backends=["trio"])
        async def test_marked(): ...

        async def test_other(): ...
        """,
    )
    assert _ids(suite, "--anyrig-backend=asyncio") == ["asyncio"]
    assert "2 passed, 2 deselected" in suite.run("--anyrig-backend=trio").text


NO_UVLOOP = """
import sys

class Without:
    def __init__(self, finder):
        self._finder = finder

    def __getattr__(self, name):
        return getattr(self._finder, name)

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "uvloop":
            return None
        return self._finder.find_spec(name, path, target)

sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
"""


@pytest.mark.parametrize("narrowed", [False, True])
def test_backend_that_is_not_installed(suite: Suite, narrowed: bool) -> None:
    """A backend that is asked for and not installed is an error that says what to install."""
    suite.ini("anyrig_backends = asyncio asyncio+uvloop")
    suite.write("without.py", NO_UVLOOP)
    suite.write("test_it.py", "async def test_it(): ...\n")
    only = ["--anyrig-backend=asyncio+uvloop"] if narrowed else []
    ran = suite.spawn(*only, plugins=("without", "anyio", "anyrig"))
    assert ran.status == 4, ran.text
    place = "--anyrig-backend" if narrowed else "pytest.ini:3: anyrig_backends"
    assert f"{place}: the backend 'asyncio+uvloop' needs the package uvloop" in ran.text
    assert "pip install 'anyrig[uvloop]'" in ran.text


def test_backend_that_is_not_installed_and_not_chosen(suite: Suite) -> None:
    """A run that is narrowed to what is installed does not ask for the rest."""
    suite.ini("anyrig_backends = asyncio asyncio+uvloop")
    suite.write("without.py", NO_UVLOOP)
    suite.write("test_it.py", "async def test_it(): ...\n")
    only = "--anyrig-backend=asyncio"
    ran = suite.spawn(only, plugins=("without", "anyio", "anyrig"))
    assert ran.status == 0, ran.text
    assert ran.counts["passed"] == 1


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="it is there from Python 3.12 on")
def test_backend_that_this_python_lacks(suite: Suite) -> None:
    """Eager tasks on a Python that has none are an error that says which Python has."""
    suite.ini("anyrig_backends = asyncio+eager")
    ran = suite.run()
    assert ran.status == 4
    assert "the backend 'asyncio+eager' needs Python 3.12 or newer" in ran.text


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
    assert sorted(_ids(suite)) == ["asyncio", "asyncio", "trio", "trio"]
    assert suite.run().counts == {"passed": 4}
