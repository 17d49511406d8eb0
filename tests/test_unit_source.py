"""What is read off the user's source text: the call, what it stands in, the line mended."""

from __future__ import annotations

import linecache
import textwrap
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyrig import source
from anyrig.source import CallSite
from arbitrary import unhurried

Write = Callable[[str], str]
FILE = "/nowhere/test_it.py"


@pytest.fixture
def write() -> Iterator[Write]:
    """Puts a text where `linecache` finds it, and answers its file name."""
    names: list[str] = []

    def write(text: str) -> str:
        name = f"/nowhere/{len(names)}/{id(names)}.py"
        names.append(name)
        lines = textwrap.dedent(text).lstrip("\n").splitlines(keepends=True)
        linecache.cache[name] = (len(text), None, lines, name)
        return name

    yield write
    for name in names:
        linecache.cache.pop(name, None)


def _site(name: str, lineno: int, *names: str) -> CallSite:
    site = source.find_call(name, lineno, frozenset(names))
    assert site is not None
    return site


def test_call_over_several_lines(write: Write) -> None:
    """A call over several lines is found from each of them, and told in one."""
    file = write(
        """
        async def test_it():
            store.save(
                1,
                two=2,
            )
        """
    )
    for lineno in (2, 3, 4, 5):
        site = _site(file, lineno, "save")
        assert site.text == "store.save(1, two=2)"


def test_innermost_of_two_calls_of_a_name(write: Write) -> None:
    """Of a call that spans a line and one that is on it, the one on it is meant."""
    file = write(
        """
        async def test_it():
            save(
                save(1),
            )
        """
    )
    assert _site(file, 3, "save").text == "save(1)"


def test_only_call_on_the_line_whatever_its_name(write: Write) -> None:
    """A coroutine that goes by another name than its call is the line's only call."""
    file = write("def test_it():\n    function = save\n    function(1)\n    one(two())\n")
    assert _site(file, 3, "save").text == "function(1)"
    assert source.find_call(file, 4, frozenset({"save"})) is None


@pytest.mark.parametrize(
    ("statement", "given_to", "is_task"),
    [
        ("save()", None, False),
        ("asyncio.run(save())", "asyncio.run", False),
        ("asyncio.gather(*[save()])", "asyncio.gather", False),
        ("asyncio.wait_for(save(), timeout=1)", "asyncio.wait_for", False),
        ("run(main=save())", "run", False),
        ("asyncio.create_task(save())", "asyncio.create_task", True),
        ("group.start_soon(save())", "group.start_soon", True),
        ("kept.append(save())", "kept.append", False),
        ("x = [save()]", None, False),
        ("save()()", None, False),
    ],
)
def test_what_the_call_was_given_to(
    write: Write, statement: str, given_to: str | None, is_task: bool
) -> None:
    """The function that gets the coroutine is named, and whether it makes a task of it."""
    site = _site(write(f"def test_it():\n    {statement}\n"), 2, "save")
    assert (site.given_to, site.given_to_task) == (given_to, is_task)


@pytest.mark.parametrize("text", ["def f(:\n    save()\n", "", "\0\n", "save(\n"])
def test_text_that_does_not_parse(write: Write, text: str) -> None:
    """A file that is not Python, is empty or is gone leaves the answers empty."""
    file = write(text)
    names = frozenset({"save"})
    assert source.find_call(file, 2, names) is None
    assert source.find_call("/nowhere/at/all.py", 2, names) is None
    assert source.find_passed(file, "save", or_called=True) == []
    assert source.definition_line(file, 3) == 3
    assert source.line("/nowhere/at/all.py", 1) == ""


@unhurried
@given(st.text(max_size=60), st.integers(1, 6))
def test_no_text_breaks_it(text: str, lineno: int) -> None:
    """Whatever a file holds, asking it raises nothing."""
    linecache.cache[FILE] = (len(text), None, text.splitlines(keepends=True), FILE)
    try:
        source.find_call(FILE, lineno, frozenset({"save"}))
        source.find_passed(FILE, "a", or_called=True)
        source.definition_line(FILE, lineno)
        source.find_mark(FILE, "a", "b")
        source.function_lines(FILE, "a")
        source.line(FILE, lineno)
    finally:
        del linecache.cache[FILE]


def test_lines_that_pass_a_function_by_name(write: Write) -> None:
    """A function that is handed over uncalled is found where it is handed over."""
    file = write(
        """
        def test_it():
            run(save)
            run(key=store.save)
            save()
            x = save
        """
    )
    passed = [(2, "test_it"), (3, "test_it")]
    assert source.find_passed(file, "save", or_called=False) == passed
    assert source.find_passed(file, "save", or_called=True) == [*passed, (4, "test_it")]


def test_definition_is_below_its_decorators(write: Write) -> None:
    """The line that defines a function is its ``def``, wherever its decorators begin."""
    file = write("@one\n@two(\n    3\n)\nasync def test_it():\n    pass\n\ndef plain(): ...\n")
    assert source.definition_line(file, 1) == 5
    assert source.definition_line(file, 8) == 8


MARKS = """
import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(TEXT),
]

@pytest.mark.slow
@pytest.mark.filterwarnings(TEXT)
class TestDecorated:
    pass

class TestAssigned:
    pytestmark = pytest.mark.filterwarnings(TEXT)

class TestPlain:
    def test_it(self):
        pass
"""


@pytest.mark.parametrize(
    ("class_name", "lineno"),
    [(None, 5), ("TestDecorated", 9), ("TestAssigned", 14)],
)
def test_line_of_a_mark(write: Write, class_name: str | None, lineno: int) -> None:
    """A mark is found on its class, as a decorator or in its ``pytestmark``, or in the module's."""
    assert source.find_mark(write(MARKS), class_name, "filterwarnings") == lineno


def test_line_of_a_mark_that_is_not_there(write: Write) -> None:
    """A mark that stands nowhere has no line, and another class's is not this one's."""
    file = write(MARKS.replace("    pytest.mark.filterwarnings(TEXT),\n", ""))
    assert source.find_mark(file, None, "filterwarnings") is None
    assert source.find_mark(file, "TestPlain", "filterwarnings") is None
    assert source.find_mark(file, "TestDecorated", "other") is None


def test_lines_of_a_function(write: Write) -> None:
    """A function's lines run from its ``def`` to its end; one that is not there has none."""
    file = write(MARKS)
    assert source.function_lines(file, "test_it") == range(17, 19)
    assert source.function_lines(file, "test_other") == range(0)


@pytest.mark.parametrize("call", ["functools.partial(save, 1)()", "partial(it.save)(2)"])
def test_call_of_a_partial(write: Write, call: str) -> None:
    """The call of a partial is the one that made the coroutine."""
    site = _site(write(f"async def out():\n    {call}\n"), 2, "save")
    assert site.text == call
