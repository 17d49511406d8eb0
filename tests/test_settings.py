"""Every setting, in each place that it can stand, and what a wrong word is answered with."""

from __future__ import annotations

import pytest

from anyrig import Kind, Policy
from anyrig.settings import OPTIONS, Option
from inner import MISSED_AWAIT, SAMPLES, Suite

USAGE_ERROR = 4
POLICIES = "'fail', 'warn', 'off'"
KINDS = ", ".join(repr(kind.value) for kind in Kind)
BACKENDS = "'asyncio', 'asyncio+uvloop', 'asyncio+eager', 'trio'"
BAD = {
    "missed_await": "test_drops",
    "never_ran": "test_swallowed",
    "wrong_backend": "test_wrong[trio]",
    "leaked_task": "test_leaves[asyncio]",
    "deadlock": "test_waits[asyncio]",
    "timeout": "test_takes_long[asyncio]",
    "blocked_loop": "test_holds[asyncio]",
    "leaked_thread": "test_leaves",
    "leaked_contextvar": "test_leaves",
    "unused_stub": "test_tells",
    "lost_exception": "test_loses",
    "leaked_asyncgen": "test_breaks[asyncio]",
}

KINDS_HERE = [kind for kind in Kind if kind.value in BAD]

each_kind = pytest.mark.parametrize("kind", KINDS_HERE, ids=str)
each_policy = pytest.mark.parametrize("policy", list(Policy), ids=[one.value for one in Policy])
each_place = pytest.mark.parametrize("place", ["ini", "flag", "marker"])


def _set(suite: Suite, kind: Kind, value: str, place: str, file: str = "test_it.py") -> list[str]:
    """Set a kind's policy in one of the three places; answers the arguments of the run."""
    source = SAMPLES[kind.value]
    if place == "ini":
        suite.ini(f"{kind.setting} = {value}")
    elif place == "marker":
        source += f"import pytest\npytestmark = pytest.mark.anyrig({kind.marker_word}={value!r})\n"
    suite.write(file, source)
    flag = "--" + kind.setting.replace("_", "-")
    return [f"{flag}={value}"] if place == "flag" else []


@pytest.mark.parametrize("kind", [Kind.MISSED_AWAIT, Kind.DEADLOCK], ids=str)
@each_policy
@each_place
def test_policy_in_each_place(suite: Suite, kind: Kind, policy: Policy, place: str) -> None:
    """fail fails the run, warn only reports, off says nothing, wherever it is set."""
    ran = suite.run(*_set(suite, kind, policy.value, place))
    found = [one for one in suite.found if one[0] == kind.value]
    expected = [] if policy is Policy.OFF else [(kind.value, BAD[kind.value], policy.value)]
    assert found == expected, ran.text
    if kind is Kind.DEADLOCK and policy is not Policy.FAIL:
        return  # the time limit ends it then
    assert ran.status == (1 if policy is Policy.FAIL else 0), ran.text


# a deadlock that is no failure is ended by the time limit's, so these two are not turned together
OTHERS = [kind for kind in KINDS_HERE if kind is not Kind.DEADLOCK]


@pytest.mark.parametrize("turn", range(3))
@each_place
def test_each_kind_has_its_own_policy(suite: Suite, turn: int, place: str) -> None:
    """Each kind heeds its own policy and no other's; in three turns, each has each policy."""
    policies = list(Policy)
    chosen = {kind: policies[(turn + number) % 3] for number, kind in enumerate(OTHERS)}
    arguments = [
        argument
        for kind, policy in chosen.items()
        for argument in _set(suite, kind, policy.value, place, f"test_of_{kind.value}.py")
    ]
    if place == "ini":
        suite.ini(*(f"{kind.setting} = {policy.value}" for kind, policy in chosen.items()))
    ran = suite.run("-rfE", *arguments)
    for kind, policy in chosen.items():
        file = f"test_of_{kind.value}.py::"
        found = [
            (one.place.test, one.policy)
            for one in suite.findings
            if one.kind is kind and (one.place.test or "").startswith(file)
        ]
        expected = [] if policy is Policy.OFF else [(f"{file}{BAD[kind.value]}", policy)]
        assert found == expected, ran.text
        if kind is Kind.NEVER_RAN and policy is Policy.OFF:
            continue  # what was dropped is a missed await then, with that kind's own policy
        has_failed = f"FAILED {file}" in ran.text or f"ERROR {file}" in ran.text
        assert has_failed is (policy is Policy.FAIL), ran.text


def test_never_ran_off_leaves_a_missed_await(suite: Suite) -> None:
    """A dropped test body is still a coroutine that nobody awaited, where never_ran is off."""
    suite.write("test_it.py", SAMPLES["never_ran"])
    suite.run("--anyrig-never-ran=off")
    assert suite.found == [("missed_await", "test_swallowed", "fail")]


def test_flag_wins_over_ini(suite: Suite) -> None:
    """A flag on the command line is stronger than the settings file."""
    suite.ini("anyrig_missed_awaits = off")
    suite.write("test_it.py", MISSED_AWAIT)
    assert suite.run("--anyrig-missed-awaits=fail").status == 1


def test_marker_wins_over_flag_and_the_nearest_marker_over_others(suite: Suite) -> None:
    """The mark on a test is stronger than its class's, that than its module's, that than a flag."""
    suite.write(
        "test_it.py",
        """
        import pytest
        pytestmark = pytest.mark.anyrig(missed_awaits="warn")
        async def save(): ...

        def test_module():
            save()

        @pytest.mark.anyrig(missed_awaits="fail")
        class TestClass:
            def test_class(self):
                save()

            @pytest.mark.anyrig(missed_awaits="off")
            def test_own(self):
                save()
        """,
    )
    suite.run("--anyrig-missed-awaits=off")
    assert suite.found == [
        ("missed_await", "test_module", "warn"),
        ("missed_await", "TestClass::test_class", "fail"),
    ]


@each_kind
def test_wrong_policy_in_the_settings_file(suite: Suite, kind: Kind) -> None:
    """A wrong policy in the settings file names file, line and setting, and lists the right."""
    _set(suite, kind, "fial", "ini")
    ran = suite.run()
    assert ran.status == USAGE_ERROR
    assert f"pytest.ini:3: {kind.setting}: unknown policy 'fial'" in ran.words
    assert "did you mean 'fail'?" in ran.words
    assert POLICIES in ran.words


@each_kind
def test_wrong_policy_in_a_flag(suite: Suite, kind: Kind) -> None:
    """A wrong policy in a flag names the flag and lists the right words."""
    ran = suite.run(*_set(suite, kind, "fial", "flag"))
    assert ran.status == USAGE_ERROR
    assert f"--anyrig-{kind.marker_word.replace('_', '-')}: unknown policy 'fial'" in ran.words
    assert POLICIES in ran.words


@each_kind
def test_wrong_policy_in_a_marker(suite: Suite, kind: Kind) -> None:
    """A wrong policy in a marker names the module and the word, and lists the right ones."""
    ran = suite.run(*_set(suite, kind, "fial", "marker"))
    assert ran.status == USAGE_ERROR
    assert (
        f"test_it.py: @pytest.mark.anyrig({kind.marker_word}=...): unknown policy 'fial'"
        in ran.words
    )
    assert POLICIES in ran.words


WRONG_MARKS = {
    "positional": ('"missed_await"', "@pytest.mark.anyrig takes keywords only: 'backends'"),
    "word": ('missed_await="off"', "unknown word 'missed_await' (did you mean 'missed_awaits'?)"),
    "kind": ('allow=["missed_awiat"]', f"unknown kind 'missed_awiat' (did you mean {KINDS[:14]}"),
    "kinds": ('allow=["nothing"]', f"unknown kind 'nothing'; use {KINDS}"),
    "string": ('allow="missed_await"', "anyrig(allow=...) takes a list, as in ['missed_await']"),
    "backend": (
        'backends=["nothing"]',
        "unknown backend 'nothing'; choose among 'asyncio', 'trio'",
    ),
    "not ours": ('backends=["asyncio+uvloop"]', "add it to anyrig_backends"),
    "policy type": ("missed_awaits=1", f"unknown policy 1; use {POLICIES}"),
    "unhashable": ("missed_awaits=[]", f"unknown policy []; use {POLICIES}"),
}


@pytest.mark.parametrize(("words", "answer"), WRONG_MARKS.values(), ids=WRONG_MARKS)
def test_wrong_marker(suite: Suite, words: str, answer: str) -> None:
    """A wrong word in the marker ends the run before any test, and names the test and the right."""
    suite.write(
        "test_it.py",
        f"""
        import pytest

        def test_first():
            pass

        @pytest.mark.anyrig({words})
        def test_marked():
            pass
        """,
    )
    ran = suite.run()
    assert ran.status == USAGE_ERROR, ran.text
    assert "test_it.py::test_marked" in ran.words
    assert answer in ran.words
    assert "INTERNALERROR" not in ran.words
    assert "Traceback" not in ran.words


@pytest.mark.parametrize("names", ["curio", "asyncio curio"])
def test_unknown_backend_in_the_settings_file(suite: Suite, names: str) -> None:
    """A backend that does not exist names file, line and setting, and lists those that do."""
    suite.ini("", f"anyrig_backends = {names}")
    ran = suite.run()
    assert ran.status == USAGE_ERROR
    assert "pytest.ini:4: anyrig_backends: unknown backend 'curio'" in ran.words
    assert BACKENDS in ran.words


def test_no_backend_at_all(suite: Suite) -> None:
    """An empty list of backends is an error, not a suite without async tests."""
    suite.ini("anyrig_backends =")
    ran = suite.run()
    assert ran.status == USAGE_ERROR
    assert f"pytest.ini:3: anyrig_backends: no backend; choose among {BACKENDS}" in ran.words


def test_settings_file_is_named_where_it_is_toml(suite: Suite) -> None:
    """The line is found in a ``pyproject.toml`` as well."""
    (suite.path / "pytest.ini").unlink()
    suite.write("pyproject.toml", '[tool.pytest.ini_options]\n\nanyrig_never_ran = "no"\n')
    assert "pyproject.toml:3: anyrig_never_ran: unknown policy 'no'" in suite.run().words


def test_value_given_by_override_is_not_blamed_on_the_file(suite: Suite) -> None:
    """What ``-o`` says is named by the option alone, not by the file's line that it overrides."""
    suite.ini("anyrig_never_ran = fail")
    ran = suite.run("-o", "anyrig_never_ran=no")
    assert ran.status == USAGE_ERROR
    assert "anyrig_never_ran: unknown policy 'no'" in ran.words
    assert "pytest.ini:3" not in ran.words


@pytest.mark.parametrize("name", ["", "missing/report.jsonl"])
def test_report_that_cannot_be_written(suite: Suite, name: str) -> None:
    """A report path that is a folder, or in none, is an error at the start."""
    ran = suite.run(f"--anyrig-report={suite.path / name}", report=False)
    assert ran.status == USAGE_ERROR
    assert "--anyrig-report" in ran.words
    assert "Give the report a file of its own, as in --anyrig-report=findings.jsonl" in ran.words


@pytest.mark.parametrize("place", ["ini", "flag", "marker"])
def test_wrong_words_under_workers(suite: Suite, place: str) -> None:
    """A wrong word is the same error in the same words when workers run the tests."""
    ran = suite.workers(*_set(suite, Kind.MISSED_AWAIT, "fial", place))
    assert ran.status == USAGE_ERROR, ran.text
    assert "unknown policy 'fial' (did you mean 'fail'?)" in ran.words
    assert "INTERNALERROR" not in ran.words
    assert "Traceback" not in ran.words


def test_strict_config_and_strict_markers(suite: Suite) -> None:
    """A suite that is strict about settings, marks and warnings can use every one of ours."""
    suite.ini(*(f"{option.ini} = {option.default}" for option in OPTIONS if option.ini))
    suite.write(
        "test_it.py",
        """
        import pytest

        @pytest.mark.anyrig(backends=["trio"], missed_awaits="warn", never_ran="off")
        async def test_it():
            pass
        """,
    )
    ran = suite.run("--strict-config", "--strict-markers", "-W", "error")
    assert ran.status == 0, ran.text
    assert ran.counts["passed"] == 1


def test_help_shows_each_setting(suite: Suite) -> None:
    """``--help`` shows every ini option and flag, with its values and its default."""
    text = " ".join(suite.run("--help", report=False).text.split())
    for option in OPTIONS:
        assert option.ini is None or f"{option.ini} (" in text
        assert option.flag is None or f"{option.flag}=" in text
        if option.ini or option.flag:
            assert f"{option.help} ({option.values}; default: {option.default})" in text


def test_markers_shows_the_marker(suite: Suite) -> None:
    """``--markers`` shows the words that the mark takes."""
    assert "@pytest.mark.anyrig(backends=[...], allow=[...]" in suite.run("--markers").text


# What TOML can say, and what it says in words; `pytest.toml` and the table of its own take these as
# they are, the older table as text.
TOML = {
    "seconds": ("anyrig_timeout = 60", None),
    "a fraction": ("anyrig_blocked_loop_after = 0.5", None),
    "no limit": ("anyrig_timeout = false", None),
    "never told": ("anyrig_tell_after = false", None),
    "a switch": ("anyrig_adapt_mocks = true", None),
    "no switch": ("anyrig_adapt_mocks = false", None),
    "no policy": ("anyrig_missed_awaits = false", None),
    "text": ('anyrig_timeout = "60"', None),
    "lists": ('anyrig_backends = ["trio"]\nanyrig_known_tasks = ["a*"]', None),
    "one of a list": ('anyrig_backends = "trio"', None),
    "quoted": ('"anyrig_cancel_timeout" = 3', None),
    "true": ("anyrig_timeout = true", ("anyrig_timeout: ", "rue", "no number of seconds", "'off'")),
    "nan": ("anyrig_timeout = nan", ("anyrig_timeout: ", "nan", "is no number of seconds")),
    "inf": ("anyrig_tell_after = inf", ("anyrig_tell_after: ", "inf", "is no number of seconds")),
    "much": ("anyrig_timeout = 1e999", ("anyrig_timeout: ", "inf", "is no number of seconds")),
    "too much": ("anyrig_timeout = 1e12", ("anyrig_timeout: ", "too many; use 1000000000 at most")),
    "negative": ("anyrig_cancel_timeout = -1", ("anyrig_cancel_timeout: ", "-1", "such as 2.5")),
    "policy": ("anyrig_deadlock = true", ("anyrig_deadlock: unknown policy ", f"use {POLICIES}")),
    "number": ("anyrig_deadlock = 1", ("anyrig_deadlock: unknown policy ", "1", POLICIES)),
    "switch": ("anyrig_adapt_mocks = 1", ("anyrig_adapt_mocks: unknown switch ", "'on', 'off'")),
    "list": ("anyrig_timeout = [60]", ("anyrig_timeout: [60] is no number of seconds",)),
    "item": ('anyrig_backends = ["trio", 1]', ("anyrig_backends: unknown backend 1; ", BACKENDS)),
    "pattern": ("anyrig_known_tasks = [1]", ("anyrig_known_tasks: 1 is no pattern of names",)),
    "date": ("anyrig_timeout = 1979-05-27", ("anyrig_timeout: ", "1979", "no number of seconds")),
    "table": ("anyrig_deadlock = {a = 1}", ("anyrig_deadlock: unknown policy ", "'a': 1")),
}
NATIVE = pytest.version_tuple >= (9,)
TABLES = ["pyproject.toml tool.pytest.ini_options"]
TABLES += ["pyproject.toml tool.pytest", "pytest.toml pytest"] if NATIVE else []


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(("line", "answer"), TOML.values(), ids=TOML)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_toml_as_it_is(suite: Suite, line: str, answer: tuple[str, ...] | None, table: str) -> None:
    """Numbers, booleans and lists are taken as they are; what is wrong is told in equal words."""
    file, name = table.split()
    (suite.path / "pytest.ini").unlink()
    suite.write(file, f'[{name}]\nanyio_mode = "auto"\n{line}\n')
    suite.write("test_it.py", "def test_it(): pass")
    ran = suite.run("-p", "no:warnings")
    assert ran.status == (0 if answer is None else USAGE_ERROR), ran.text
    for words in answer or ():
        assert words in ran.words
    if answer is not None:
        assert f"{file}:3: {answer[0].partition(':')[0]}" in ran.words
        assert "Traceback" not in ran.words


@pytest.mark.skipif(not NATIVE, reason="pytest 9 has that table")
def test_toml_means_what_it_says(suite: Suite) -> None:
    """A value of TOML is the setting; ``-o`` and a flag are stronger."""
    (suite.path / "pytest.ini").unlink()
    lines = ["anyrig_missed_awaits = false", 'anyrig_backends = ["trio"]']
    suite.write("pytest.toml", "\n".join(["[pytest]", 'anyio_mode = "auto"', *lines]))
    suite.write("test_it.py", MISSED_AWAIT + "\nasync def test_async():\n    pass\n")
    ran = suite.run("-v")
    assert ran.counts == {"passed": 2}
    assert "test_async[trio]" in ran.words
    ran = suite.run("-v", "-o", "anyrig_missed_awaits=fail", "-o", "anyrig_backends=asyncio")
    assert ran.counts == {"passed": 1, "failed": 1}
    assert "test_async[asyncio]" in ran.words
    assert suite.run("--anyrig-missed-awaits=fail").status == 1


WRONG = ["nan", "inf", "1e999", "-1", "true", "", "1 s", "\x1b[2J"]


@pytest.mark.parametrize("option", [one for one in OPTIONS if "seconds" in one.values], ids=str)
def test_no_seconds(suite: Suite, option: Option) -> None:
    """What is no number of seconds is refused in a flag and in the marker, and shown harmlessly."""
    suite.write(
        "test_it.py",
        f"""
        import pytest

        @pytest.mark.anyrig({option.marker}=float("nan"))
        def test_it():
            pass
        """,
    )
    text = suite.run(report=False).words
    assert f"@pytest.mark.anyrig({option.marker}=...): nan is no number of seconds" in text
    for value in WRONG:
        ran = suite.run(f"{option.flag}={value}", report=False)
        assert ran.status == USAGE_ERROR
        assert f"{option.flag}: {value!r} is no number of seconds" in ran.words
