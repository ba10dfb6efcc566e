"""The documentation as a site (`make site`): its pages are the files of the repository, where they are."""

project = "MorphSeq Manifest"
extensions = ["myst_parser"]
root_doc = "docs/site/index"
include_patterns = [
    "docs/site/index.md", "docs/*.md", "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "simulation/models/README.md",
]  # fmt: skip
exclude_patterns = [".venv", ".dvc", ".git", "build", "data"]
myst_heading_anchors = 3
# Mermaid is drawn where such pages are shown; here it is text.
suppress_warnings = ["misc.highlighting_failure"]
nitpicky = True

html_theme = "furo"
html_title = project
html_extra_path = ["start"]
html_show_sphinx = False
html_copy_source = False
html_theme_options = {"source_edit_link": ""}
