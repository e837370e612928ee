"""Sphinx settings of the site. Build it with: make site."""

from __future__ import annotations

project = "dacl-edu"
author = "The dacl-edu authors"
copyright = "the dacl-edu authors, MIT licence"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",  # [source] beside each name
    "sphinx-mathjax-offline",  # the pages are read from a file path, without a network
    "numpydoc",
]
nb_execution_mode = "off"  # what is shown was stored by make notebooks
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]
myst_enable_extensions = ["amsmath", "dollarmath", "html_image"]
myst_heading_anchors = 4
suppress_warnings = ["myst.xref_missing", "mystnb.unknown_mime_type", "misc.highlighting_failure"]
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
exclude_patterns = ["_build"]

html_theme = "pydata_sphinx_theme"
html_title = "dacl-edu"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = ["plotly.min.js"]
html_show_sourcelink = False
html_copy_source = False
html_sidebars = {
    page: []
    for page in (
        "index",
        "ledger",
        "docs/errata",
        "docs/losses",
        "docs/own_loop",
        "docs/scale",
        "docs/sweeps",
        "docs/paper_presets",
        "docs/privacy",
        "data/README",
    )
}
html_theme_options = {
    "logo": {"text": "dacl-edu"},
    "show_prev_next": True,
    "navigation_with_keys": False,
    "navbar_end": ["theme-switcher"],
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_toc_level": 2,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_context = {"default_mode": "auto"}
