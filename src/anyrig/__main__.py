"""``python -m anyrig``: the same as the `anyrig` command."""

from __future__ import annotations

from .cli import main

raise SystemExit(main())
