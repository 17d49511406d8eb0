"""Permissions: the block, the marker, and the filter mark that is its author's word."""

from __future__ import annotations

import pytest

import anyrig
from inner import Suite

HEAD = """
import pytest
import anyrig

async def save(value=None):
    return value

def other_kind():
    pass

"""


def _suite(suite: Suite, text: str) -> Suite:
    suite.write("test_it.py", HEAD + text)
    return suite


def test_block_permits_what_it_makes(suite: Suite) -> None:
    """A coroutine that is dropped in an ``allow`` block is permitted, and counted as such."""
    _suite(
        suite,
        """
def test_it():
    with anyrig.allow("missed_await"):
        save()
""",
    )
    ran = suite.run()
    assert ran.status == 0, ran.text
    assert suite.found == [("missed_await", "test_it", "permitted")]
    assert suite.findings[0].permitted == "allow()"
    assert "permitted: 1 by an allowance" in ran.text
    assert "missed_await: " not in ran.text


def test_block_permits_nothing_before_or_after_it(suite: Suite) -> None:
    """What is made beside the block is found, on the same line of the same loop too."""
    _suite(
        suite,
        """
def test_it():
    save("before")
    with anyrig.allow("missed_await"):
        save("inside")
    save("after")
""",
    )
    assert suite.run().status == 1
    assert [finding.permitted for finding in suite.findings] == [None, "allow()", None]


def test_block_permits_what_it_makes_and_dies_later(suite: Suite) -> None:
    """A coroutine that is made in the block and kept until after it is permitted."""
    _suite(
        suite,
        """
KEPT = []

def test_dies_in_the_test():
    with anyrig.allow("missed_await"):
        made = save()
    del made

def test_dies_never():
    with anyrig.allow("missed_await"):
        KEPT.append(save())
""",
    )
    ran = suite.spawn()
    assert ran.status == 0, ran.text
    assert [found[2] for found in suite.found] == ["permitted", "permitted"]


def test_block_that_nothing_needed(suite: Suite) -> None:
    """A block that made nothing of its kind fails, with the words to take it away."""
    _suite(
        suite,
        """
def test_it():
    with anyrig.allow("missed_await"):
        save().close()
""",
    )
    ran = suite.run("--tb=short")
    assert ran.counts == {"failed": 1}
    assert "anyrig.UnusedAllowanceError: allow() permits a missed_await" in " ".join(
        ran.text.replace("\nE  ", " ").split()
    )
    assert "take it away" in ran.text
    assert "with anyrig.allow" in ran.text


def test_block_that_was_left_by_an_error(suite: Suite) -> None:
    """A test that fails in the block fails with its own error alone."""
    _suite(
        suite,
        """
def test_it():
    with anyrig.allow("missed_await"):
        raise ValueError("own")
""",
    )
    ran = suite.run()
    assert ran.counts == {"failed": 1}
    assert "ValueError: own" in ran.text
    assert "UnusedAllowanceError" not in ran.text


def test_nested_blocks(suite: Suite) -> None:
    """Of nested blocks the inner one permits; one that only holds another is not needed."""
    _suite(
        suite,
        """
def test_both():
    with anyrig.allow("missed_await"):
        save("outer")
        with anyrig.allow("missed_await"):
            save("inner")

def test_inner_alone():
    with anyrig.allow("missed_await"):
        with anyrig.allow("missed_await"):
            save("inner")
""",
    )
    ran = suite.run("-v")
    assert "test_both PASSED" in ran.text
    assert "test_inner_alone FAILED" in ran.text
    assert "UnusedAllowanceError" in ran.text


def test_block_in_async_tests_and_fixtures(suite: Suite) -> None:
    """The block works on each backend, around an await, and in a fixture."""
    _suite(
        suite,
        """
@pytest.fixture
def made():
    with anyrig.allow("missed_await"):
        save()

async def test_it(made):
    with anyrig.allow("missed_await"):
        await save()
        save()
""",
    )
    ran = suite.run()
    assert ran.status == 0, ran.text
    assert {found[2] for found in suite.found} == {"permitted"}
    assert len(suite.findings) == 4


@pytest.mark.parametrize("kinds", [("missed_awiat",), ("missed_await", "x"), ()])
def test_block_with_wrong_words(kinds: tuple[str, ...]) -> None:
    """An unknown kind, or none, is a ``ValueError`` that lists the kinds."""
    with pytest.raises(ValueError, match="missed_await"):
        anyrig.allow(*kinds)


def test_block_without_a_rig(suite: Suite) -> None:
    """With ``-p no:anyrig`` the block does nothing and asks for nothing."""
    _suite(
        suite,
        """
def test_it():
    with anyrig.allow("missed_await"):
        pass
""",
    )
    ran = suite.spawn(report=False, plugins=("anyio", "no:anyrig"))
    assert ran.status == 0, ran.text


def test_block_where_the_kind_is_off(suite: Suite) -> None:
    """Where the kind is off nothing is made of it, so the block is not asked to be needed."""
    _suite(
        suite,
        """
def test_it():
    with anyrig.allow("missed_await"):
        save()
""",
    )
    ran = suite.run("--anyrig-missed-awaits=off")
    assert ran.status == 0, ran.text
    ran = suite.run("--anyrig-missed-awaits=off", "--anyrig-never-ran=off")
    assert ran.status == 0, ran.text


@pytest.mark.parametrize("kind", ["never_ran", "wrong_backend"])
def test_block_of_another_kind_is_not_used(suite: Suite, kind: str) -> None:
    """A block is needed by findings of its own kind alone."""
    _suite(
        suite,
        f"""
def test_it():
    with anyrig.allow("{kind}"):
        save()
""",
    )
    ran = suite.run()
    assert ran.status == 1
    assert suite.found == [("missed_await", "test_it", "fail")], ran.text


@pytest.mark.parametrize("flag", ["--setup-only", "--setup-plan", "--setup-show"])
def test_where_no_body_runs(suite: Suite, flag: str) -> None:
    """Where pytest sets fixtures up and runs no body, no permission and no await is missed."""
    suite.write(
        "test_it.py",
        """
        import anyrig, pytest

        async def save():
            pass

        @pytest.fixture
        def allowed():
            with anyrig.allow("missed_await"):
                yield

        @pytest.fixture
        def pending():
            return save()

        @pytest.mark.anyrig(allow=["missed_await"])
        def test_marked():
            save()

        def test_in_a_block(allowed):
            save()

        async def test_awaits(pending):
            await pending
        """,
    )
    ran = suite.spawn(flag)
    assert ran.status == 0, ran.text
    assert {one[2] for one in suite.found} <= {"permitted"}
