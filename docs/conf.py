"""How Sphinx builds these pages; the settings table is made from ``anyrig.settings.OPTIONS``."""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import anyrig
from anyrig.settings import OPTIONS, Option

project = "anyrig"
release = version = anyrig.__version__
copyright = "the anyrig contributors"  # noqa: A001 - the name that Sphinx reads
extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"anyrig {release}"
myst_heading_anchors = 3
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
nitpicky = False


class SettingsTable(SphinxDirective):
    """``{anyrig-settings}``: a table of every option, as the code declares it."""

    def run(self) -> list[Any]:
        lines = ["```{list-table}", ":header-rows: 1", ":widths: 38 22 40", ""]
        for row in (("Setting", "Values", "What it does"), *map(_row, OPTIONS)):
            lines += [("  - " if column else "* - ") + cell for column, cell in enumerate(row)]
        return self.parse_text_to_nodes("\n".join([*lines, "```"]))


def _row(option: Option) -> tuple[str, str, str]:
    names = [option.ini, option.flag, option.marker and f"@pytest.mark.anyrig({option.marker}=...)"]
    where = "<br>".join(f"`{name}`" for name in names if name)
    values = f"{option.values}<br>(default: {option.default})"
    return where, values, option.help[0].upper() + option.help[1:] + "."


def setup(app: Sphinx) -> None:
    """Called by Sphinx with the application."""
    app.add_directive("anyrig-settings", SettingsTable)
