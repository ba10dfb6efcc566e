"""The documentation as a site: it is made without a warning, and its pages load nothing from elsewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project import REPOSITORY

pytestmark = pytest.mark.slow
# What a browser loads by itself: not what people follow.
_LOADED = re.compile(r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"([^\"]*)\"|<link\b[^>]*\bhref=\"([^\"]*)\"")


def test_the_site(tmp_path: Path) -> None:
    site, kept = tmp_path / "site", tmp_path / "kept"
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-c", "docs/site", "-d", kept, ".", site]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    pages = {str(path.relative_to(site)): path.read_text() for path in site.rglob("*.html")}
    written = {path.stem for path in (REPOSITORY / "docs").glob("*.md")}
    assert {f"docs/{name}.html" for name in written} <= pages.keys()
    for name, page in pages.items():
        loaded = [source or sheet for source, sheet in _LOADED.findall(page)]
        assert [place for place in loaded if "//" in place] == [], name
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(?:https?:)?//", sheet.read_text()), sheet.name
    start = re.search(r"url=([^\"]+)", pages["index.html"])
    assert start
    assert start[1] in pages
