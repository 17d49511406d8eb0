"""Real suites under the shim, against the same under pytest-asyncio.

``python tests/real_suites_shim.py --folder DIR [NAME ...]`` does, for each suite named (without a
name: for all but vibectl's, which want Python 3.11), all that is needed from scratch:

1. its source is fetched: the archive on PyPI, or a commit of a public repository
2. two virtual environments are made of the Python that runs this, with the same versions of
   whatever the suite needs: one has pytest-asyncio, the other one anyrig in place of it
3. it runs twice under pytest-asyncio, and as often as asked under the shim (``-p anyrig_compat``),
   with its own settings; what a run needs of servers is started for it, where it is installed
4. the runs are compared test by test

What passes twice under pytest-asyncio has to pass under the shim, or a finding of anyrig's has to
say why not; that one is to be read. What was made is left in DIR: sources, environments, and for
each run a JUnit file, its output and its findings. A second start takes what is there.
Standalone, and no part of pytest's run: it needs the network and some minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import time
import venv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

PROJECT = Path(__file__).parent.parent
BASE, SHIM = "pytest-asyncio", "shim"  # the two environments

_AT_MOST = 1800  # seconds for one run of a suite; a bound for what hangs
_OUTCOMES = {"failure": "failed", "error": "error", "skipped": "skipped"}


@dataclass(frozen=True, slots=True)
class Server:
    """What some tests talk to; where it is not installed, they are left out by their mark."""

    command: tuple[str, ...]
    port: int  # on localhost
    mark: str


@dataclass(frozen=True, slots=True)
class Suite:
    """A public suite: where its source is, and what its tests need."""

    source: str  # "name==version" on PyPI, or "https://...@commit" of a git repository
    needs: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()  # for pytest
    asyncio: str = "pytest-asyncio==1.5.0"
    servers: tuple[Server, ...] = ()


_REDIS = Server(("redis-server", "--port", "6379", "--save", ""), 6379, "redis")
_MEMCACHED = Server(("memcached", "-u", "nobody", "-l", "127.0.0.1"), 11211, "memcached")
_COVERED = "pytest-cov"  # in the suite's own addopts
# without it pytest-asyncio warns, which ends a run that turns warnings into errors
_SCOPED = ("-o", "asyncio_default_fixture_loop_scope=function")
_VIBECTL = Suite(
    "https://github.com/othercriteria/vibectl@c9d1701~1",
    ("pytest<9", _COVERED, "pytest-mock", "pytest-timeout", "pytest-xdist"),
    ("--no-cov", "-p", "no:cacheprovider"),
    asyncio="pytest-asyncio==0.26.0",
)

SUITES = {
    "tenacity": Suite("tenacity==9.2.1", ("tornado", "trio")),
    "aiofiles": Suite("aiofiles==25.1.0"),
    # its tests are no test_*.py: it runs them by unittest
    "aiosqlite": Suite("aiosqlite==0.22.1", arguments=("aiosqlite/tests/smoke.py",)),
    "async-lru": Suite("async_lru==2.4.0", (_COVERED, "pytest-timeout"), _SCOPED),
    "janus": Suite("janus==2.0.0", (_COVERED, "pytest-benchmark")),
    "asgiref": Suite("asgiref==3.13.0", ("packaging", "pytest-benchmark", "setuptools")),
    "aiocache": Suite(
        "aiocache==0.12.3",
        (_COVERED, "pytest-mock", "aiohttp", "aiomcache", "marshmallow<4", "msgpack", "redis<5"),
        ("--ignore=tests/performance", *_SCOPED),
        servers=(_REDIS, _MEMCACHED),
    ),
    "vibectl-old": _VIBECTL,
    "vibectl-new": Suite(
        "https://github.com/othercriteria/vibectl@87d231c",
        _VIBECTL.needs,
        _VIBECTL.arguments,
        asyncio=_VIBECTL.asyncio,
    ),
}
ALL = [name for name in SUITES if not name.startswith("vibectl")]


@dataclass(frozen=True, slots=True)
class Run:
    """How each test of one run ended, by its id; a test that stands there twice has two ends."""

    ends: Mapping[str, Sequence[str]]

    def passed(self) -> set[str]:
        """The tests that passed, and did so each time."""
        return {test for test, ends in self.ends.items() if set(ends) == {"passed"}}


@dataclass(slots=True)
class Compared:
    """What one suite does under the shim, and what it does under pytest-asyncio."""

    name: str
    passed: int  # twice under pytest-asyncio
    others: dict[str, int]  # under pytest-asyncio, how many of the other tests ended how
    flaky: list[str]  # under pytest-asyncio alone
    kept: int = 0  # how many of the passed also do so under the shim
    told: list[str] = field(default_factory=list)  # the others of those, with a finding
    lost: list[str] = field(default_factory=list)  # and without one
    gained: list[str] = field(default_factory=list)  # pass under the shim alone
    missing: list[str] = field(default_factory=list)  # not in the shim's run, or there alone
    findings: list[str] = field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the suites that are named; 1 where a test is lost for which there is no finding."""
    options = _options(arguments)
    results = []
    for name in options.names or ALL:
        place = Place(options.folder.resolve() / name, SUITES[name], options.anyrig)
        if name in options.source:
            place.source = Path(options.source[name]).resolve()
        found = compare(name, place, shim_runs=options.runs)
        sys.stdout.write("".join(f"{line}\n" for line in lines(found)))
        sys.stdout.flush()
        results.append(found)
    return int(any(found.lost or found.missing for found in results))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", choices=[[], *SUITES], metavar="NAME")
    parser.add_argument("--folder", type=Path, required=True, help="where all of it is made")
    parser.add_argument(
        "--anyrig", default=str(PROJECT), help="what pip installs it from (default: this project)"
    )
    parser.add_argument("--runs", type=int, default=1, help="runs under the shim (default: 1)")
    parser.add_argument(
        "--source", action="append", default=[], type=lambda text: text.split("=", 1),
        metavar="NAME=FOLDER", help="take a suite's source from a folder",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    options.source = dict(options.source)
    return options


# -- what a suite is run in ------------------------------------------------------------------------


class Place:
    """The folder of one suite: its source, its environments, what its runs left."""

    def __init__(self, folder: Path, suite: Suite, anyrig: str = str(PROJECT)) -> None:
        self.folder = folder
        self.suite = suite
        self.source = folder / "source"
        self._anyrig = anyrig
        folder.mkdir(parents=True, exist_ok=True)

    def fetch(self) -> None:
        """Have the source there."""
        if self.source.exists():
            return
        if self.suite.source.startswith("https://"):
            address, _, commit = self.suite.source.rpartition("@")
            _do("git", "clone", "-q", address, str(self.source))
            _do("git", "-C", str(self.source), "checkout", "-q", commit)
            return
        archives = self.folder / "archive"
        words = ("download", "-q", "--no-deps", "--no-binary", ":all:", "-d", str(archives))
        _do(sys.executable, "-m", "pip", *words, self.suite.source)
        (archive,) = archives.iterdir()
        with tarfile.open(archive) as tar:
            tar.extractall(self.folder / "unpacked", filter="data")
        (unpacked,) = (self.folder / "unpacked").iterdir()
        unpacked.rename(self.source)

    def environment(self, name: str) -> Path:
        """The interpreter of the environment with pytest-asyncio, or of that with the shim."""
        folder = self.folder / name
        python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        if python.exists():
            return python
        venv.create(folder, with_pip=True)
        pip = (str(python), "-m", "pip", "--disable-pip-version-check")
        pins = self.folder / "pins.txt"
        wanted = [str(self.source), *self.suite.needs]
        if name == SHIM:
            _do(*pip, "install", "-q", "-c", str(pins), *wanted, f"anyrig[compat] @ {self._url()}")
        else:
            _do(*pip, "install", "-q", *wanted, self.suite.asyncio)
            frozen = _do(*pip, "freeze", "--exclude", self.suite.source.partition("==")[0])
            pins.write_text("".join(f"{line}\n" for line in frozen.splitlines() if "==" in line))
        return python

    def command(self, environment: str, *arguments: str) -> list[str]:
        """What runs the suite in an environment; to be started in its source."""
        plugins = ("-p", "anyrig_compat") if environment == SHIM else ()
        pytest = (str(self.environment(environment)), "-m", "pytest")
        return [*pytest, *plugins, *self.suite.arguments, *arguments]

    def _url(self) -> str:
        path = Path(self._anyrig)
        return path.resolve().as_uri() if path.exists() else self._anyrig

    def run(self, name: str, environment: str, *arguments: str) -> Run:
        """The suite's tests, run once by an environment; what it leaves is named so."""
        xml = self.folder / f"{name}.xml"
        xml.unlink(missing_ok=True)  # of an earlier run
        with ExitStack() as stack:
            absent = [one.mark for one in self.suite.servers if not stack.enter_context(up(one))]
            marks = " and ".join(f"not {mark}" for mark in absent)
            chosen = ["-m", marks] if marks else []
            log = self.folder / f"{name}.txt"
            _logged(
                self.command(environment, f"--junit-xml={xml}", *chosen, *arguments),
                self.source,
                log,
            )
        if not xml.exists():
            raise SystemExit(f"{name} of {self.folder.name} ended early; see {log}")
        return Run(_ends(xml))


def _do(*command: str) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _logged(command: Sequence[str], folder: Path, log: Path) -> None:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    with log.open("wb") as output:
        subprocess.run(
            command,
            cwd=folder,
            env={**kept, "PYTHONPATH": "."},  # for what its tests start, too
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=_AT_MOST,
            check=False,
        )


@contextmanager
def up(server: Server) -> Iterator[bool]:
    """Have a server listen while entered; False where it is not installed."""
    program = shutil.which(server.command[0])
    if program is None:
        yield False
        return
    process = subprocess.Popen([program, *server.command[1:]], stdout=subprocess.DEVNULL)
    try:
        while not _listens(server.port):
            if process.poll() is not None:
                raise SystemExit(f"{program} ended with status {process.returncode}")
            time.sleep(0.05)
        yield True
    finally:
        process.terminate()
        process.wait()


def _listens(port: int) -> bool:
    with closing(socket.socket()) as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


# -- the comparison --------------------------------------------------------------------------------


def compare(name: str, place: Place, *, shim_runs: int = 1) -> Compared:
    """Run a suite under both; what its runs under the shim lost is lost if it was so in each."""
    place.fetch()
    base = [place.run(f"{BASE}-{n}", BASE) for n in (1, 2)]
    report = place.folder / "findings.jsonl"
    shim = [
        place.run(f"{SHIM}-{n}", SHIM, f"--anyrig-report={report}") for n in range(1, shim_runs + 1)
    ]
    passed = base[0].passed() & base[1].passed()
    everything = set(base[0].ends) | set(base[1].ends)
    found = Compared(
        name,
        passed=len(passed),
        others=dict(Counter(_end(base[0], test) for test in sorted(everything - passed))),
        flaky=sorted(one for one in everything if _end(base[0], one) != _end(base[1], one)),
    )
    kept = set[str]().union(*(one.passed() for one in shim))
    seen = set[str]().union(*(one.ends for one in shim))
    facts = _findings(report)
    told = {_id_of(fact["place"]["test"]) for fact in facts if fact["place"]["test"]}
    found.kept = len(passed & kept)
    found.told = sorted((passed - kept) & told)
    found.lost = sorted((passed - kept) - told)
    found.gained = sorted((kept & everything) - passed)
    found.missing = sorted(everything ^ seen)
    found.findings = [_line(fact) for fact in facts]
    return found


def lines(found: Compared) -> Iterator[str]:
    """The comparison, to be printed."""
    others = ", ".join(f"{number} {end}" for end, number in found.others.items()) or "none"
    yield f"{found.name}: {found.kept} of {found.passed} pass (others: {others})"
    for title in ("flaky", "lost", "told", "gained", "missing", "findings"):
        entries: list[str] = getattr(found, title)
        yield from (f"  {title}: {entry}" for entry in entries)


def _ends(xml: Path) -> dict[str, list[str]]:
    ends: dict[str, list[str]] = {}
    for case in ElementTree.parse(xml).iter("testcase"):
        test = f"{case.get('classname')}::{case.get('name')}"
        ends.setdefault(test, []).append(_end_of(case))
    return {test: sorted(words) for test, words in ends.items()}


def _end_of(case: ElementTree.Element) -> str:
    for tag, word in _OUTCOMES.items():
        found = case.find(tag)
        if found is not None:
            return "xfailed" if found.get("type") == "pytest.xfail" else word
    return "passed"


def _end(run: Run, test: str) -> str:
    return "+".join(run.ends.get(test, ["missing"]))


def _id_of(node: str) -> str:
    """A test's id in a JUnit file, from pytest's own: parts are joined by dots there."""
    path, _, rest = node.partition("::")
    name, bracket, parameters = rest.partition("[")
    *classes, function = name.split("::")
    module = path.removesuffix(".py").replace("/", ".")
    return f"{'.'.join([module, *classes])}::{function}{bracket}{parameters}"


def _findings(report: Path) -> list[dict[str, Any]]:
    if not report.exists():
        return []
    facts = [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines()]
    return [fact for fact in facts if "kind" in fact]


def _line(fact: Mapping[str, Any]) -> str:
    origin = fact["origin"]
    where = "nowhere" if origin is None else f"{origin['path']}:{origin['lineno']}"
    place = fact["place"]
    return (
        f"{fact['kind']} ({fact['policy']}) in {place['phase']} of {place['test']}: "
        f"{fact['summary']} [{where}]"
    )


if __name__ == "__main__":
    sys.exit(main())
