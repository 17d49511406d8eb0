"""The backend of samples in virtual time."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def anyio_backend(anyio_backend: object) -> object:
    if "uvloop" in str(anyio_backend):
        pytest.skip("uvloop's timers are libuv's")
    return anyio_backend
