"""A run, or a test, that is narrowed to some of the backends; and what is not installed."""

from __future__ import annotations

import sys

import pytest

from inner import OWN_BACKEND, Suite


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
    assert suite.ids(*narrowed) == ["asyncio+uvloop", "trio"]


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
    assert suite.ids("--anyrig-backend=trio") == ["t"]
    assert suite.ids("--anyrig-backend=asyncio") == ["a", "d"]


def test_command_line_narrows_what_has_no_parameter(suite: Suite) -> None:
    """A test whose own fixture runs another backend is skipped, and the reason is told."""
    suite.write("conftest.py", OWN_BACKEND.format(scope=""))
    suite.write("test_it.py", "async def test_it(): ...\n")
    ran = suite.run("--anyrig-backend=asyncio", "-rs")
    assert ran.counts == {"skipped": 1}, ran.text
    assert "narrowed to asyncio" in " ".join(ran.text.split())


@pytest.mark.parametrize("asked", ["asyncio+uvloop", "curio"])
def test_command_line_names_a_backend_that_is_not_of_the_run(suite: Suite, asked: str) -> None:
    """A backend that the run does not have is an error that lists those it has."""
    ran = suite.run(f"--anyrig-backend={asked}")
    assert ran.status == 4
    text = " ".join(ran.text.split())
    assert f"--anyrig-backend: {'the' if '+' in asked else 'unknown'} backend '{asked}'" in text
    assert "'asyncio', 'trio'" in text


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
    assert suite.ids() == ["asyncio", "trio", "trio", ""]


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
    assert suite.ids("--anyrig-backend=asyncio") == ["asyncio"]
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
    told = " ".join(ran.text.split())
    assert f"{place}: the backend 'asyncio+uvloop' needs the package uvloop" in told
    assert "(pip install 'anyrig[uvloop]')\n" in ran.text  # in one piece: it is typed


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
