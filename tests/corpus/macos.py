"""A plugin: the run has nothing that macOS lacks."""

from __future__ import annotations

from other_system import become

become("macos")
