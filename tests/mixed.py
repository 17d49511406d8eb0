"""One suite with a finding of each phase, policy and permission, for the tests of reports."""

from __future__ import annotations

from anyrig import Finding

MIXED = """
import pytest

async def save(value):
    return value

MADE_AT_IMPORT = save("import")
KEPT = []

@pytest.fixture
def made_in_setup():
    save("setup")

@pytest.fixture
def made_in_teardown():
    yield
    save("teardown")

@pytest.fixture(scope="module")
def shelf():
    return []

async def test_call():
    save("call")

def test_setup(made_in_setup):
    pass

def test_teardown(made_in_teardown):
    pass

def test_kept():
    KEPT.append(save("kept"))

def test_loop():
    for _ in range(3):
        save("loop")

def test_shelf(shelf):
    shelf.append(save("shelf"))

@pytest.mark.anyrig(missed_awaits="warn")
def test_warned():
    save("warned")

@pytest.mark.anyrig(allow=["missed_await"])
def test_allowed():
    save("allowed")

def test_two():
    save("one")
    save("two")

def test_fails_too():
    save("own")
    assert 1 == 2

def test_green():
    pass
"""

# phase, test, what was dropped, how often, policy (or that it was permitted)
FOUND = {
    ("call", "test_call[asyncio]", "call", 1, "fail"),
    ("call", "test_call[trio]", "call", 1, "fail"),
    ("setup", "test_setup", "setup", 1, "fail"),
    ("teardown", "test_teardown", "teardown", 1, "fail"),
    ("call", "test_kept", "kept", 1, "fail"),
    ("call", "test_loop", "loop", 3, "fail"),
    ("call", "test_warned", "warned", 1, "warn"),
    ("call", "test_allowed", "allowed", 1, "permitted"),
    ("call", "test_two", "one", 1, "fail"),
    ("call", "test_two", "two", 1, "fail"),
    ("call", "test_fails_too", "own", 1, "fail"),
    # known only when the test that made it was over, or before there was a test
    ("call", "test_shelf", "shelf", 1, "fail"),
    ("collect", None, "import", 1, "fail"),
}
LATE = {"test_shelf", None}
FAILED = {"test_call[asyncio]", "test_call[trio]", "test_kept", "test_loop", "test_two"}
IN_SETUP_OR_TEARDOWN = {"test_setup", "test_teardown"}


def short(finding: Finding) -> tuple[str, str | None, str, int, str]:
    """What `FOUND` says of a finding."""
    test = finding.place.test
    assert finding.origin is not None
    return (
        finding.place.phase.value,
        None if test is None else test.partition("::")[2],
        finding.origin.source.partition('save("')[2].partition('"')[0],
        finding.count,
        finding.policy.value if finding.permitted is None else "permitted",
    )
