"""pytest-asyncio's names on the shim: marks, fixtures, modes, scopes, options."""

from __future__ import annotations

import sys

import pytest

from inner import Suite
from support import run

PLUGINS = ("anyio", "anyrig", "anyrig_compat")

LOOPS = """
import asyncio
import pytest
import pytest_asyncio

@pytest_asyncio.fixture
async def own():
    yield asyncio.get_running_loop()

@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def wide():
    yield asyncio.get_running_loop()

@pytest.mark.asyncio
async def test_own(own):
    assert own is asyncio.get_running_loop()

@pytest.mark.asyncio
async def test_apart(own, wide):
    assert own is asyncio.get_running_loop() is not wide

@pytest.mark.asyncio(loop_scope="module")
async def test_wide(wide):
    assert wide is asyncio.get_running_loop()

def test_of_no_loop(own):
    assert not own.is_running() and not own.is_closed()
"""


def test_each_scope_has_its_loop(suite: Suite) -> None:
    """Tests and fixtures of one loop scope share a loop, and those of another have another."""
    suite.write("test_it.py", LOOPS)
    ran = suite.run("-p", "anyrig_compat")
    assert ran.counts == {"passed": 4}
    assert suite.found == []


def test_the_checks_watch_its_tests(suite: Suite) -> None:
    """A missed await fails a test that the shim runs; a leaked task warns, as it is not chosen."""
    suite.write(
        "test_it.py",
        """
        import asyncio

        async def save():
            pass

        async def test_drops():
            save()

        async def test_leaves():
            asyncio.create_task(asyncio.sleep(3600))
        """,
    )
    ran = suite.run("-p", "anyrig_compat", "--asyncio-mode=auto")
    assert ran.counts == {"failed": 1, "passed": 1}
    assert suite.found == [
        ("missed_await", "test_drops", "fail"),
        ("leaked_task", "test_leaves", "warn"),
    ]


def test_a_chosen_policy_holds(suite: Suite) -> None:
    """Where somebody has set what a leaked task does, it does so in the shim's tests as well."""
    suite.ini("anyrig_leaked_tasks = fail")
    suite.write(
        "test_it.py",
        """
        import asyncio
        import pytest

        @pytest.mark.asyncio
        async def test_leaves():
            asyncio.create_task(asyncio.sleep(3600))
        """,
    )
    ran = suite.run("-p", "anyrig_compat")
    assert ran.status == 1
    assert suite.found == [("leaked_task", "test_leaves", "fail")]


@pytest.mark.parametrize(
    ("lines", "arguments", "words"),
    [
        (["asyncio_mode = autp"], [], "'autp' is not a valid asyncio_mode. Valid modes: auto"),
        ([], ["--asyncio-mode=eager"], "'eager' is not a valid asyncio_mode"),
        (
            ["asyncio_default_test_loop_scope = test"],
            [],
            "'test' is not a valid asyncio_default_test_loop_scope. Valid scopes are: function",
        ),
        (
            ["asyncio_default_fixture_loop_scope = all"],
            [],
            "'all' is not a valid asyncio_default_fixture_loop_scope",
        ),
    ],
)
def test_a_wrong_value_is_named(
    suite: Suite, lines: list[str], arguments: list[str], words: str
) -> None:
    """A wrong value of an option ends the run before any test, and names the right ones."""
    suite.ini(*lines)
    suite.write("test_it.py", "def test_nothing():\n    pass\n")
    ran = suite.run("-p", "anyrig_compat", *arguments, report=False)
    assert ran.status == 4
    assert words in ran.text


def test_options_under_strict_config(suite: Suite) -> None:
    """pytest-asyncio's options are known, also under ``--strict-config``, and its mark is."""
    suite.ini(
        "asyncio_mode = strict",
        "asyncio_debug = true",
        "asyncio_default_fixture_loop_scope = function",
        "asyncio_default_test_loop_scope = module",
    )
    suite.write(
        "test_it.py",
        """
        import asyncio
        import pytest

        seen = []

        @pytest.mark.asyncio
        @pytest.mark.parametrize("n", [1, 2])
        async def test_shares(n):
            loop = asyncio.get_running_loop()
            seen.append(loop)
            assert loop.get_debug() and seen[0] is loop
        """,
    )
    ran = suite.spawn("--strict-config", "--strict-markers", "-W", "error", plugins=PLUGINS)
    assert ran.counts == {"passed": 2}


def test_ids_are_as_before(suite: Suite) -> None:
    """A test keeps its id, also where anyio's auto mode would run it on two backends."""
    suite.write(
        "test_it.py",
        """
        import pytest

        @pytest.mark.asyncio
        async def test_old(task_group, clock):
            pass

        async def test_new():
            pass
        """,
    )
    ran = suite.run("-p", "anyrig_compat", "-v")
    assert ran.counts == {"passed": 3}
    assert "test_it.py::test_old PASSED" in ran.text
    assert "test_it.py::test_new[trio] PASSED" in ran.text


def test_a_closer_mark_hands_a_test_over(suite: Suite) -> None:
    """Test by test, ``anyio`` on a test takes it from the module's mark ``asyncio``."""
    suite.write(
        "test_it.py",
        """
        import pytest
        import sniffio

        pytestmark = pytest.mark.asyncio

        async def test_old():
            assert sniffio.current_async_library() == "asyncio"

        @pytest.mark.anyio
        async def test_moved(anyio_backend_name):
            assert sniffio.current_async_library() == anyio_backend_name
        """,
    )
    ran = suite.run("-p", "anyrig_compat", "-v")
    assert ran.counts == {"passed": 3}
    assert "test_moved[trio] PASSED" in ran.text


def test_a_mark_that_comes_late(suite: Suite) -> None:
    """A mark that a conftest adds when all is collected is as good as one in the file."""
    suite.write(
        "conftest.py",
        """
        import inspect
        import pytest

        def pytest_collection_modifyitems(items):
            for item in items:
                if inspect.iscoroutinefunction(item.obj):
                    item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
        """,
    )
    for name in ("test_a.py", "test_b.py"):
        suite.write(
            name,
            """
            import asyncio, builtins

            async def test_shares():
                loop = asyncio.get_running_loop()
                assert builtins.__dict__.setdefault("loop_of_the_run", loop) is loop
            """,
        )
    suite.write("pytest.ini", "[pytest]\nanyio_mode = strict\n")
    ran = suite.spawn(plugins=PLUGINS)
    assert ran.counts == {"passed": 2}


def test_a_project_with_its_own_event_loop(suite: Suite) -> None:
    """A project's ``event_loop`` is the loop of its tests and fixtures, and the project closes it.

    As up to pytest-asyncio 0.26: its teardown may still run something on the loop.
    """
    suite.write(
        "test_it.py",
        """
        import asyncio
        import pytest

        made = []

        @pytest.fixture(scope="module")
        def event_loop():
            loop = asyncio.new_event_loop()
            made.append(loop)
            yield loop
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()

        @pytest.fixture(scope="module")
        async def wide():
            yield asyncio.get_running_loop()

        async def test_shares(wide, event_loop):
            assert [wide] == [event_loop] == made
            assert asyncio.get_running_loop() is wide

        async def test_next(wide):
            assert asyncio.get_running_loop() is wide

        def test_by_hand(event_loop):
            assert event_loop.run_until_complete(asyncio.sleep(0, "slept")) == "slept"
        """,
    )
    ran = suite.spawn("--asyncio-mode=auto", "-W", "error", plugins=PLUGINS)
    assert ran.counts == {"passed": 3}


OWN_LOOP = """
import asyncio
import pytest

made = []

async def work():
    await asyncio.sleep(0)

@pytest.fixture(scope="{scope}")
def event_loop():
    loop = {begin}
    made.append(loop)
    yield loop
    assert asyncio.get_event_loop() is loop
    {end}
    loop.close()

@pytest.fixture
def asks(event_loop):
    yield
    assert asyncio.get_event_loop() is event_loop

class TestIt:
    async def test_leaves(self, asks):
        assert asyncio.get_running_loop() is made[-1]
        asyncio.create_task(work())

    def test_by_hand(self, event_loop):
        assert asyncio.get_event_loop() is event_loop

def test_sync():
    asyncio.get_event_loop().run_until_complete(work())
"""


def test_ends_of_a_projects_own_event_loop(suite: Suite) -> None:
    """What the end of a project's ``event_loop`` calls finds that loop as asyncio's current one.

    As up to pytest-asyncio 0.26; a sync test finds a loop of nobody's after it.
    """
    plain, made = "asyncio.new_event_loop()", "asyncio.get_event_loop_policy().new_event_loop()"
    setting = f"{plain}; asyncio.set_event_loop(loop)"
    ends = {
        "gathers": "loop.run_until_complete(asyncio.gather(*asyncio.all_tasks(loop)))",
        "waits": "[loop.run_until_complete(one) for one in asyncio.all_tasks(loop)]",
        "generators": "loop.run_until_complete(loop.shutdown_asyncgens())",
        "future": "asyncio.ensure_future(work()); loop.run_until_complete(asyncio.gather())",
        "unsets": "asyncio.gather(); asyncio.set_event_loop(None)",
    }
    modules = [
        *((scope, plain, "gathers") for scope in ("function", "class", "module", "session")),
        *(("function", plain, end) for end in ends),
        *(("module", begin, "gathers") for begin in (made, setting)),
    ]
    for number, (scope, begin, end) in enumerate(modules):
        text = OWN_LOOP.format(scope=scope, begin=begin, end=ends[end])
        suite.write(f"test_{number}_{scope}_{end}.py", text)
    warnings = ("-W", "error", "-W", "ignore:'asyncio.get_event_loop_policy':DeprecationWarning")
    ran = suite.spawn("--asyncio-mode=auto", *warnings, plugins=PLUGINS)
    assert ran.counts == {"passed": 3 * len(modules)}, ran.text


def test_each_folder_has_its_own_event_loop(suite: Suite) -> None:
    """Two folders with an ``event_loop`` for the session run on two; one without, on neither."""
    conftest = """
        import asyncio
        import pytest

        @pytest.fixture(scope="session")
        def event_loop():
            loop = asyncio.new_event_loop()
            loop.folder = {folder!r}
            yield loop
            loop.run_until_complete(asyncio.gather(*asyncio.all_tasks(loop)))
            loop.close()
        """
    test = """
        import asyncio
        import pytest

        @pytest.mark.parametrize("number", range(2))
        @pytest.mark.asyncio{scope}
        async def test_it(number):
            assert getattr(asyncio.get_running_loop(), "folder", None) == {folder!r}
            asyncio.create_task(asyncio.sleep(0))
        """
    for folder in ("one", "two"):
        suite.write(f"{folder}/conftest.py", conftest.format(folder=folder))
        suite.write(f"{folder}/test_{folder}.py", test.format(folder=folder, scope=""))
    suite.write("test_none.py", test.format(folder=None, scope='(loop_scope="session")'))
    order = ("test_none.py", "one", "two")
    for paths in (order, order[::-1]):
        ran = suite.run("-p", "anyrig_compat", *paths)
        assert ran.counts == {"passed": 6}, ran.text


def test_context_variables_cross(suite: Suite) -> None:
    """What a fixture sets is seen by sync and async ones after it, and gone when it has ended."""
    suite.write(
        "test_it.py",
        """
        from contextvars import ContextVar
        import pytest
        import pytest_asyncio

        user = ContextVar("user", default="nobody")

        @pytest_asyncio.fixture
        async def as_ada():
            token = user.set("Ada")
            yield
            user.reset(token)

        @pytest.fixture
        def checked(as_ada):
            assert user.get() == "Ada"

        @pytest.mark.asyncio
        async def test_is_ada(checked):
            assert user.get() == "Ada"

        def test_is_nobody():
            assert user.get() == "nobody"
        """,
    )
    assert suite.run("-p", "anyrig_compat").counts == {"passed": 2}


def test_loop_factories(suite: Suite) -> None:
    """A test runs once on each loop that the hook gives it, by its name in the id."""
    suite.write(
        "conftest.py",
        """
        import asyncio

        class Mine(asyncio.SelectorEventLoop):
            pass

        def pytest_asyncio_loop_factories(config, item):
            return {"plain": asyncio.SelectorEventLoop, "mine": Mine}
        """,
    )
    suite.write(
        "test_it.py",
        """
        import asyncio
        import pytest

        @pytest.mark.asyncio
        async def test_both():
            assert isinstance(asyncio.get_running_loop(), asyncio.SelectorEventLoop)

        @pytest.mark.asyncio(loop_factories=["mine", "gone"])
        async def test_chosen():
            assert type(asyncio.get_running_loop()).__name__ == "Mine"
        """,
    )
    ran = suite.run("-p", "anyrig_compat", "-v", "-rs")
    assert ran.counts == {"passed": 3, "skipped": 1}
    assert "test_both[mine] PASSED" in ran.text
    assert "Loop factory 'gone' is not available" in ran.text


def test_it_steps_back(suite: Suite) -> None:
    """Where the real pytest-asyncio is in force the shim says so, and the real one runs all."""
    suite.write("pytest.ini", "[pytest]\nanyio_mode = strict\n")
    suite.write(
        "test_it.py",
        """
        import pytest
        import pytest_asyncio

        @pytest.mark.asyncio
        async def test_real(request):
            assert pytest_asyncio.__file__
        """,
    )
    ran = suite.spawn(plugins=("anyio", "pytest_asyncio.plugin", "anyrig", "anyrig_compat"))
    assert ran.counts == {"passed": 1}
    assert "the shim steps back" in ran.text


def test_from_a_conftest(suite: Suite) -> None:
    """``pytest_plugins`` in a conftest is enough, with flags and with files that import it."""
    suite.write("conftest.py", 'pytest_plugins = ["anyrig_compat"]\n')
    suite.write("test_it.py", LOOPS)
    ran = suite.spawn("--asyncio-mode=strict")
    assert ran.counts == {"passed": 4}


def test_it_needs_anyrig(suite: Suite) -> None:
    """Without anyrig, or anyio's plugin, the run ends with a line that says what to load."""
    suite.write("test_it.py", "def test_nothing():\n    pass\n")
    ran = suite.spawn(report=False, plugins=("anyrig_compat",))
    assert ran.status == 4
    assert "this run has no anyio and no anyrig" in ran.text


def test_a_closed_loop_is_told(suite: Suite) -> None:
    """A fixture that closes the loop it runs on fails the test, in words."""
    suite.write(
        "test_it.py",
        """
        import asyncio
        import pytest

        @pytest.fixture
        def closes(event_loop):
            yield
            event_loop.close()

        @pytest.mark.asyncio
        async def test_it(closes):
            pass

        @pytest.mark.asyncio
        async def test_next():
            pass
        """,
    )
    ran = suite.spawn(plugins=PLUGINS)
    assert ran.counts == {"passed": 2, "error": 1}
    assert "the event loop was closed by the test, or by one of its fixtures" in ran.text
    assert "destroyed but it is pending" not in ran.text


def test_virtual_time(suite: Suite) -> None:
    """Virtual time serves the shim's tests as it serves others: fixture, mark, and old sleeps."""
    suite.write(
        "test_it.py",
        """
        import asyncio
        import pytest

        @pytest.mark.asyncio
        async def test_clock(clock):
            before = asyncio.get_running_loop().time()
            await asyncio.sleep(3600)
            assert asyncio.get_running_loop().time() - before == 3600

        @pytest.mark.asyncio
        @pytest.mark.anyrig(clock="virtual")
        async def test_mark():
            await asyncio.sleep(3600)

        @pytest.mark.asyncio
        async def test_fast(fast_sleep):
            await asyncio.sleep(3600)
        """,
    )
    assert suite.spawn(plugins=PLUGINS).counts == {"passed": 3}


def test_old_names_are_counted(suite: Suite) -> None:
    """The end of the run says how many uses of each old name are left, and where the first is."""
    suite.write("test_it.py", LOOPS + "\ndef test_loop(event_loop):\n    pass\n")
    ran = suite.run("-p", "anyrig_compat")
    assert "old names: 6 uses in 1 file, 5 tests" in ran.text
    assert "pytest.mark.asyncio: 3 uses, first at test_it.py:13" in ran.text
    assert "pytest_asyncio.fixture: 2 uses, first at test_it.py:5" in ran.text
    assert "event_loop: 1 use, first at test_it.py:28" in ran.text


@pytest.mark.parametrize(
    "order", ["-p anyrig_compat -p no:asyncio", "-p no:asyncio -p anyrig_compat"]
)
@pytest.mark.parametrize("place", ["ini", "arguments"])
def test_the_real_one_switched_off(suite: Suite, order: str, place: str) -> None:
    """``-p no:asyncio`` counts also where it stands behind the shim's name."""
    pytest.importorskip("pytest_asyncio", reason="the real one is what is switched off here")
    suite.ini(f"addopts = {order}" if place == "ini" else "")
    suite.write(
        "test_it.py",
        """
        import pytest
        import pytest_asyncio

        @pytest.mark.asyncio
        async def test_it():
            assert "+anyrig" in pytest_asyncio.__version__
        """,
    )
    # all that is installed is loaded, as users have it
    asked = order.split() if place == "arguments" else []
    ran = run([sys.executable, "-m", "pytest", "-p", "no:trio", *asked], suite.path)
    assert ran.counts == {"passed": 1}, ran.text
    assert "in the place of pytest-asyncio" in ran.text


def test_old_options_are_counted(suite: Suite) -> None:
    """Options and a project's own loop and policy are told at the end, with their lines."""
    suite.write("pytest.ini", "[pytest]\n# asyncio_mode = strict\nasyncio_mode = auto\n")
    suite.write(
        "conftest.py",
        """
        import asyncio
        import pytest

        @pytest.fixture
        def event_loop():
            loop = asyncio.new_event_loop()
            yield loop
            loop.close()

        @pytest.fixture(scope="session")
        def event_loop_policy():
            return asyncio.DefaultEventLoopPolicy()
        """,
    )
    suite.write("test_it.py", "async def test_it():\n    pass\n")
    ran = suite.run("-p", "anyrig_compat", "--asyncio-debug")
    assert ran.counts == {"passed": 1}, ran.text
    assert "old names: 4 uses in 2 files, 1 test" in ran.text
    assert "asyncio_mode: 1 use, first at pytest.ini:3" in ran.text
    assert "--asyncio-debug: 1 use, first at the command line" in ran.text
    assert "event_loop: 1 use, first at conftest.py:" in ran.text
    assert "event_loop_policy: 1 use, first at conftest.py:" in ran.text


SHIMS_TOML = {
    "right": ("asyncio_debug = true\nanyrig_compat_deprecations = false", None),
    "words": ('anyrig_compat_backends = "both"\nasyncio_mode = "auto"', None),
    "backends": ("anyrig_compat_backends = true", "anyrig_compat_backends: unknown word True"),
    "deprecations": (
        "anyrig_compat_deprecations = 1",
        "anyrig_compat_deprecations: unknown word 1",
    ),
    "mode": ("asyncio_mode = 1", "1 is not a valid asyncio_mode. Valid modes: auto, strict."),
    "debug": ('asyncio_debug = "maybe"', "'maybe' is not a valid asyncio_debug"),
    "scope": (
        "asyncio_default_test_loop_scope = []",
        "[] is not a valid asyncio_default_test_loop",
    ),
}


@pytest.mark.skipif(pytest.version_tuple < (9,), reason="pytest 9 has that table")
@pytest.mark.parametrize(("lines", "answer"), SHIMS_TOML.values(), ids=SHIMS_TOML)
def test_toml_as_it_is(suite: Suite, lines: str, answer: str | None) -> None:
    """The shim's settings are taken as TOML has them; a wrong one is told with its line."""
    (suite.path / "pytest.ini").unlink()
    suite.write("pytest.toml", f'[pytest]\nanyio_mode = "strict"\n{lines}\n')
    suite.write("test_it.py", "def test_it(): pass")
    ran = suite.run("-p", "anyrig_compat", report=False)
    assert ran.status == (0 if answer is None else 4), ran.text
    if answer is not None:
        assert "ERROR: pytest.toml:3: " + answer in ran.text
