"""README's pictures: parts of the report of the simulated plates, `python -m tests.docs.pictures PROJECT`.

PROJECT is a clone in which `make demo` has run. A browser must be there.
"""

import io
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from tests.browser import opened
from tests.project import REPOSITORY

FOLDER = REPOSITORY / "docs/images"
# By picture: what is shown of it, and how much of the page, from which part to which.
PICTURES: dict[str, tuple[list[str], str, str]] = {
    "status.webp": ([], "#status", "#tables"),
    "plate.webp": (["SimFish_awkward_v1.2_b"], "details.plate", "details.plate"),
}
_WIDTH, _SHARE, _QUALITY = 1200, 0.75, 80


def take(project: Path, names: list[str], first: str, last: str) -> bytes:
    """A WebP of a part of the report of some experiments, or of all."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = ["morphseq", "report", *names, "--output", folder / "page.html"]
        subprocess.run(command, cwd=project, check=True)
        with opened(folder / "page.html", folder / "home") as page:
            page.look(_WIDTH)
            page.picture(folder / "page.png")
            boxes = [
                json.loads(page.js(f"JSON.stringify(document.querySelector('{part}').getBoundingClientRect())"))
                for part in (first, last)
            ]
        with Image.open(folder / "page.png") as whole:
            box = (boxes[0]["left"] - 12, boxes[0]["top"] - 8, boxes[0]["right"] + 12, boxes[1]["bottom"] + 8)
            return _small(whole.crop(tuple(map(round, box))))


def _small(picture: Image.Image) -> bytes:
    size = round(picture.width * _SHARE), round(picture.height * _SHARE)
    drawn = picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    written = io.BytesIO()
    drawn.save(written, "WEBP", quality=_QUALITY, method=6)
    return written.getvalue()


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for file, parts in PICTURES.items():
        (FOLDER / file).write_bytes(take(Path(sys.argv[1]), *parts))
