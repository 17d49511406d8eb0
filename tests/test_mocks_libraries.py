"""Mocks of other libraries, respx and aioresponses say: left as they are, known by name.

Both stand here as what they do: an ``AsyncMock`` whose side effect is the library's, and a route
that is given a coroutine. The libraries themselves follow their HTTP clients too closely to be
asked for here.
"""

from __future__ import annotations

from anyrig.libraries import library_of
from inner import Suite

# as aioresponses: https://pypi.org/project/aioresponses/
LIBRARY = """
from unittest.mock import patch

class Client:
    async def _request(self, method, url):
        return 200

    def get(self, url):
        return self._request("GET", url)

async def answer(self, method, url):
    return 200

def replaced():
    return patch.object(Client, "_request", side_effect=answer, autospec=True)

class Route:
    def mock(self, return_value):
        if not isinstance(return_value, int):
            raise TypeError(f"{return_value} is no response")
"""


def installed(suite: Suite) -> None:
    """A library where installed ones are, for a suite."""
    suite.write("site-packages/answers/__init__.py", LIBRARY)
    suite.ini("pythonpath = site-packages", "anyrig_backends = asyncio")


def test_call_that_a_library_answers(suite: Suite) -> None:
    """The user's own line is named and mended, and the mock is told with its library's name."""
    installed(suite)
    suite.write(
        "test_it.py",
        """
        from answers import Client, replaced

        async def test_drops():
            with replaced():
                client = Client()
                client.get("https://example.org")
                assert await client.get("https://example.org") == 200
        """,
    )
    suite.spawn()
    (finding,) = suite.findings
    assert finding.kind.value == "missed_await"
    assert finding.summary == "`client.get('https://example.org')` was never awaited"
    assert finding.what == "the AsyncMock `_request` of answers"
    assert finding.origin is not None
    assert finding.origin.source == 'client.get("https://example.org")'
    assert finding.mend == ('    await client.get("https://example.org")',)


def test_coroutine_that_a_library_was_given(suite: Suite) -> None:
    """What a library's route swallows is told as held by the library's function."""
    installed(suite)
    suite.write(
        "test_it.py",
        """
        from answers import Route

        async def response():
            return 200

        async def test_answers():
            Route().mock(return_value=response())
        """,
    )
    suite.spawn()
    (finding,) = suite.findings
    assert finding.origin is not None
    assert finding.origin.source == "Route().mock(return_value=response())"
    assert "still held by the local return_value of answers's mock()" in finding.details


def test_library_of_a_file() -> None:
    """The package is the first part of the module's name, on any system."""
    assert library_of("/v/lib/site-packages/respx/mocks.py", "respx.mocks") == "respx"
    assert library_of(r"C:\v\Lib\site-packages\respx\mocks.py", "respx.mocks") == "respx"
    assert library_of("/home/me/project/mocks.py", "mocks") is None
