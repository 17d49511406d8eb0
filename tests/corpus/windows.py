"""A plugin: the run has nothing that Windows lacks."""

from __future__ import annotations

from other_system import become

become("windows")
