"""CPython's own tests of AsyncMock and autospec pass with our doubles; the others are listed here.

See `dropin` for how they are run.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from support import run

DROPIN = Path(__file__).with_name("dropin.py")

ALWAYS = (3, 11)

# why -> the tests that fail for it, each with the Python from which on it does
ASYNC: Mapping[str, Mapping[str, tuple[int, int]]] = {
    "ours counts a call where it was awaited": {
        "AsyncMockAssert.test_assert_called_but_not_awaited": ALWAYS,
        "AsyncMockAssert.test_assert_called_once_and_awaited_twice": ALWAYS,
        "AsyncMockAssert.test_assert_called_then_awaited": ALWAYS,
        "AsyncMockAssert.test_assert_called_twice_and_awaited_once": ALWAYS,
        "AsyncMockAssert.test_assert_has_calls_not_awaits": ALWAYS,
    },
    "ours takes the arguments of the real thing, at the call": {
        "AsyncArguments.test_add_return_value": ALWAYS,
        "AsyncAutospecTest.test_autospec_checks_signature": (3, 13),
        "AsyncMockAssert.test_assert_has_mock_calls_on_async_mock_with_spec": ALWAYS,
        "AsyncMockAssert.test_async_arg_lists": ALWAYS,
    },
    "ours is async where the real thing is, whatever class of mock is asked for": {
        "AsyncMockTest.test_iscoroutinefunction_normal_function": ALWAYS,
        "AsyncSpecTest.test_spec_as_normal_kw_AsyncMock": ALWAYS,
        "AsyncSpecTest.test_spec_as_normal_positional_AsyncMock": ALWAYS,
        "AsyncSpecTest.test_spec_mock_type_kw": ALWAYS,
        "AsyncSpecTest.test_spec_mock_type_positional": ALWAYS,
    },
    "ours can be called where the real thing can": {
        "AsyncMockAssert.test_awaits_asserts_with_spec_and_any": ALWAYS,
        "AsyncSpecSetTest.test_is_child_AsyncMock": ALWAYS,
    },
    "ours guesses nothing where nothing says what there is": {
        "AsyncMockAssert.test_async_method_calls_recorded": ALWAYS,
    },
    "ours looks at the real thing when an attribute is first asked for": {
        "AsyncSpecTest.test_spec_async_attributes_instance": (3, 12),
    },
    "ours is the mock; a stock autospec of a function is a function that has one": {
        "AsyncAutospecTest.test_patch_with_autospec": ALWAYS,
    },
    "ours has no `instance=`": {
        "AsyncAutospecTest.test_create_autospec_instance": ALWAYS,
    },
}
HELPERS: Mapping[str, Sequence[str]] = {
    "ours can be called where the real thing can": ["AnyTest.test_any_and_spec_set"],
    "ours guesses nothing where nothing says what there is": [
        "SpecSignatureTest.test_autospec_data_descriptor",
        "SpecSignatureTest.test_skip_attributeerrors",
    ],
    "ours runs no code of the real thing, be it `__get__` or `__getattr__`": [
        "SpecSignatureTest.test_spec_has_descriptor_returning_function",
        "SpecSignatureTest.test_spec_has_function_not_in_bases",
    ],
    "ours gives a constant as it is": ["SpecSignatureTest.test_create_autospec_none"],
    "ours keeps the function's name": ["SpecSignatureTest.test_spec_function_no_name"],
}
# of a class as it is, and where it has the attributes of its objects
CLASS: Mapping[str, Sequence[str]] = {
    "a method of ours takes `self` where it is asked of the class": [
        "SpecSignatureTest.test_attributes",
        "SpecSignatureTest.test_autospec_functions_with_self_in_odd_place",
        "SpecSignatureTest.test_autospec_reset_mock",
        "SpecSignatureTest.test_basic",
        "SpecSignatureTest.test_builtin_functions_types",
        "SpecSignatureTest.test_magic_methods",
        "SpecSignatureTest.test_method_calls",
        "SpecSignatureTest.test_recursive",
        "SpecSignatureTest.test_spec_inheritance_for_classes",
        "SpecSignatureTest.test_spec_set",
    ],
}
OBJECTS: Mapping[str, Sequence[str]] = {
    "a method of ours takes `self` where it is asked of an inner class": [
        "SpecSignatureTest.test_recursive",
        "SpecSignatureTest.test_spec_inheritance_for_classes",
    ],
    "ours guesses nothing where nothing says what there is": [
        "SpecSignatureTest.test_magic_methods",
    ],
    "ours has no `spec_set=`": ["SpecSignatureTest.test_spec_set"],
}

# why -> what the last line of such a failure has, so that no fault hides behind a listed reason
SAYS: Mapping[str, str] = {
    "ours counts a call where it was awaited": r"never awaited",
    "ours takes the arguments of the real thing, at the call": r"TypeError: .* argument",
    "ours is async where the real thing is, whatever class of mock is asked for": (
        r"<Sync spec='function' .* is not an instance|False is not true"
    ),
    "ours can be called where the real thing can": r"'Plain' .* not callable|<Plain .*MagicMock",
    "ours guesses nothing where nothing says what there is": r"nothing says|not said",
    "ours looks at the real thing when an attribute is first asked for": r"<Async name=",
    "ours is the mock; a stock autospec of a function is a function that has one": r"'mock'",
    "ours has no `instance=`": r"RuntimeError not raised",
    "ours runs no code of the real thing, be it `__get__` or `__getattr__`": r"nothing says",
    "ours gives a constant as it is": r"None is an instance",
    "ours keeps the function's name": r"<lambda>",
    "a method of ours takes `self` where it is asked of the class": r"missing a required argument",
    "a method of ours takes `self` where it is asked of an inner class": r"missing a required",
    "ours has no `spec_set=`": r"AttributeError not raised by setattr",
}


def listed(*more: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The tests that are to fail on the running Python, and why."""
    found = {
        f"testasync.{name}": why
        for why, tests in ASYNC.items()
        for name, since in tests.items()
        if sys.version_info >= since
    }
    for group in more:
        found |= {f"testhelpers.{name}": why for why, tests in group.items() for name in tests}
    return found


@pytest.mark.parametrize(
    ("arguments", "table"), [([], CLASS), (["--objects"], OBJECTS)], ids=["class", "objects"]
)
def test_tests_of_cpython_pass_but_for_those_listed(
    arguments: list[str], table: Mapping[str, Sequence[str]], tmp_path: Path
) -> None:
    """Those that fail are those of the tables, with their reasons, no more and no fewer."""
    ran = run([sys.executable, "-W", "default", str(DROPIN), *arguments], tmp_path)
    told = json.loads(next(line for line in ran.text.splitlines() if line.startswith('{"package"')))
    if told["package"] is None:
        pytest.skip("this Python came without CPython's tests of unittest.mock")
    assert len(told["ran"]) > 150
    # point releases have more, or fewer
    expected = {name: why for name, why in listed(HELPERS, table).items() if name in told["ran"]}
    assert set(told["failed"]) == set(expected), told["failed"]
    others = {
        name: line
        for name, line in told["failed"].items()
        if re.search(SAYS[expected[name]], line) is None
    }
    assert others == {}
