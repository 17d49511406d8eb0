"""From frames to the user's own line."""

from __future__ import annotations

import doctest
import os
import sysconfig
import unittest.mock
from pathlib import Path
from types import SimpleNamespace

import pytest

import anyrig
from anyrig.checks import leaked_task
from anyrig.findings import Frame, Phase, Place
from anyrig.origins import Origins, RawFrame
from anyrig.tasks.waiting import frames, lines, user_lines

STDLIB = os.path.join(sysconfig.get_path("stdlib"), "asyncio", "base_events.py")
INSTALLED = os.path.join(sysconfig.get_path("purelib"), "library", "core.py")
PYTEST = os.path.join(sysconfig.get_path("purelib"), "_pytest", "python.py")
MOCK = unittest.mock.__file__
OURS = os.path.join(os.path.dirname(anyrig.__file__), "rig.py")


@pytest.fixture
def origins(tmp_path: Path) -> Origins:
    """Origins of a run in an empty folder."""
    return Origins(tmp_path)


@pytest.fixture
def users(tmp_path: Path) -> str:
    """A file of the user's, with four lines."""
    path = tmp_path / "test_it.py"
    path.write_text("one()\n  two()\nthree()\nfour()\n")
    return str(path)


def test_innermost_line_of_the_users(origins: Origins, users: str) -> None:
    """The innermost frame of the user's is the line; those around it are the chain to the test."""
    frames: list[RawFrame] = [
        (users, 2, "helper"),
        (users, 3, "middle"),
        (users, 4, "test_it"),
        (PYTEST, 9, "pytest_pyfunc_call"),
        (users, 1, "<module>"),
    ]
    origin = origins.locate(frames)
    assert origin is not None
    assert str(origin) == "test_it.py:2"
    assert origin.source == "two()"
    assert origin.chain == (Frame("test_it.py", 3, "middle"), Frame("test_it.py", 4, "test_it"))
    assert origin.inside is None
    assert origin.exact


@pytest.mark.parametrize("file", [STDLIB, MOCK, OURS, "<frozen importlib._bootstrap>"])
def test_machinery_is_not_shown(origins: Origins, users: str, file: str) -> None:
    """Frames of Python's own library, of mocks and of anyrig are never shown."""
    origin = origins.locate([(file, 5, "inner"), (users, 2, "test_it"), (file, 1, "outer")])
    assert origin is not None
    assert (str(origin), origin.inside, origin.chain) == ("test_it.py:2", None, ())


def test_library_that_made_it_for_the_user(origins: Origins, users: str) -> None:
    """Where an installed library made it on the user's behalf, the library's line is told too."""
    frames: list[RawFrame] = [(STDLIB, 1, "a"), (INSTALLED, 5, "call"), (users, 2, "test_it")]
    origin = origins.locate(frames)
    assert origin is not None
    assert str(origin) == "test_it.py:2"
    assert origin.inside == Frame(INSTALLED, 5, "call")


def test_nothing_of_the_users(origins: Origins) -> None:
    """Where no frame is the user's, the innermost that is shown stands in; or none."""
    origin = origins.locate([(STDLIB, 1, "a"), (INSTALLED, 5, "call"), (INSTALLED, 9, "outer")])
    assert origin is not None
    assert (origin.path, origin.lineno) == (INSTALLED, 5)
    assert origins.locate([(STDLIB, 1, "a"), (OURS, 2, "b")]) is None
    assert origins.locate([]) is None


def test_what_runs_pytest_is_nobodys(origins: Origins, users: str) -> None:
    """A script that has called pytest, the console's or one's own, is no line of a test's."""
    frames: list[RawFrame] = [
        (INSTALLED, 2, "make"),
        (PYTEST, 9, "pytest_pyfunc_call"),
        (users, 1, "<module>"),
    ]
    origin = origins.locate(frames)
    assert origin is not None
    assert (origin.path, origin.inside) == (INSTALLED, None)
    assert origins.users_frame(frames) == (INSTALLED, 2, "make")
    shown = user_lines([(users, 1, "<module>"), *frames[1::-1]], origins)
    assert not any("test_it.py" in line for line in shown)
    assert origins.within(frames[-1:]) == frames[-1:]


def test_chain_has_an_end(origins: Origins, users: str) -> None:
    """A recursion does not fill the screen."""
    origin = origins.locate([(users, 2, "helper")] * 50)
    assert origin is not None
    assert len(origin.chain) <= 10


def test_whose_a_file_is(origins: Origins, tmp_path: Path) -> None:
    """A file is the user's unless it is installed, Python's own, a mock's or anyrig's."""
    assert origins.is_users(str(tmp_path / "test_it.py"))
    assert origins.is_users("/elsewhere/helpers.py")
    assert not origins.is_users(INSTALLED)
    assert not origins.is_users(STDLIB)
    assert not origins.is_users(MOCK)
    assert not origins.is_users(OURS)
    assert not origins.is_users("<string>")
    assert not origins.is_users(str(tmp_path / ".venv/lib/site-packages/library.py"))


def test_project_that_lies_among_installed_packages() -> None:
    """A project whose own folder is below ``site-packages`` is still the user's."""
    root = Path("/opt/lib/site-packages/project")
    assert Origins(root).is_users(str(root / "tests" / "test_it.py"))


def test_path_as_the_user_would_type_it(origins: Origins, users: str) -> None:
    """A file below the run's root is named from there, any other in full."""
    assert origins.path(users) == "test_it.py"
    assert origins.path("/elsewhere/it.py") == "/elsewhere/it.py"


def test_line_of_a_doctest(origins: Origins, tmp_path: Path) -> None:
    """A line of a doctest's example is named by the file that holds it."""
    path = tmp_path / "module.py"
    path.write_text("def f():\n    '''\n    >>> 1\n    1\n    >>> save()\n    '''\n")
    parser = doctest.DocTestParser()
    test = parser.get_doctest(">>> 1\n1\n>>> save()\n", {}, "module.f", str(path), 2)
    origins.doctests = {test.name: test}
    origin = origins.locate([("<doctest module.f[1]>", 1, "<module>")])
    assert origin is not None
    assert str(origin) == "module.py:5"
    assert origin.source == ">>> save()"


def test_definition_is_the_def_line(origins: Origins, tmp_path: Path) -> None:
    """The origin of a function is its ``def``, below its decorators."""
    path = tmp_path / "test_it.py"
    path.write_text("import functools\n\n@functools.cache\nasync def test_it():\n    pass\n")
    namespace: dict[str, object] = {}
    exec(compile(path.read_text(), str(path), "exec"), namespace)
    code = namespace["test_it"].__wrapped__.__code__  # type: ignore[attr-defined]
    origin = origins.definition(code)
    assert origin is not None
    assert (str(origin), origin.source) == ("test_it.py:4", "async def test_it():")


def test_frames_of_a_test_end_where_pytest_begins(origins: Origins, tmp_path: Path) -> None:
    """What called pytest is left out, and a folder of the user's may be called pytest."""
    users, script = str(tmp_path / "pytest" / "test_it.py"), str(tmp_path / "run.py")
    frames = [(INSTALLED, 1, "a"), (users, 2, "test_it"), (PYTEST, 3, "call"), (script, 4, "main")]
    assert origins.of_test(frames) == frames[:2]
    assert origins.of_test(frames[:2]) == frames[:2]


class Compiled:
    """A coroutine as Cython makes one: its frame is at no line."""

    cr_running = False
    cr_await = None
    cr_origin = None

    def __init__(self, filename: str) -> None:
        code = SimpleNamespace(
            co_filename=filename, co_firstlineno=2, co_name="serve", co_lines=lambda: iter(())
        )
        self.__qualname__ = "serve"
        self.cr_frame = SimpleNamespace(f_code=code, f_lineno=None, f_lasti=-1, f_locals={})


def test_a_frame_at_no_line_is_shown_by_its_first(tmp_path: Path) -> None:
    """A compiled coroutine is drawn, located and told as a leaked task; its frames have no line."""
    file = tmp_path / "server.pyx"
    file.write_text("# a server\nasync def serve():\n    pass\n")
    origins = Origins(tmp_path)
    coroutine = Compiled(str(file))
    assert frames(coroutine) == [(str(file), 2, "serve")]
    assert lines(coroutine, origins) == ["server.pyx:2 in serve", ">   async def serve():"]
    # grpc's wheel names a file that it does not have
    assert lines(Compiled("src/server.pyx"), origins) == ["src/server.pyx:2 in serve"]
    found = leaked_task.finding(origins, Place("t", Phase.CALL), "Task-3", coroutine, None)
    assert found.summary == "the task `serve` is still running"
    assert found.details == ("it waits at server.pyx:2 in serve: async def serve():",)
