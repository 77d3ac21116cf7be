"""Configuration of Sphinx: `make docs`."""

project = "reenact"
author = "The reenact authors"
copyright = "2026, The reenact authors"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
# "Errors" and "Arguments" are what docstrings here call them.
napoleon_custom_sections = [("Arguments", "params_style"), "Errors"]
autodoc_typehints = "signature"
autodoc_class_signature = "mixed"
html_theme = "furo"
html_title = "reenact"
myst_heading_anchors = 3
exclude_patterns = ["build"]
# Shortened JSON ("…") in the protocol's examples is no JSON.
suppress_warnings = ["misc.highlighting_failure"]
