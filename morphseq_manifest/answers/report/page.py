"""The page: what was gathered, laid out as one HTML file that needs nothing else and asks for nothing."""

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from morphseq_manifest.answers import changes
from morphseq_manifest.answers.report import curves, diagram, latent, plate_map
from morphseq_manifest.answers.report.report import Report
from morphseq_manifest.base.display import visible
from morphseq_manifest.tracker.freshness.steps import State

TEMPLATES = Path(__file__).with_name("templates")


def render(report: Report, renewed_s: int | None = None) -> bytes:
    """The page as UTF-8. The same report gives the same bytes. If `renewed_s`, it loads itself again so often."""
    style, script = _asset("report.css"), _asset("report.js")
    text = (
        _environment()
        .get_template("page.html")
        .render(
            report=report,
            style=style,
            script=script,
            policy=_policy(style, script),
            diagram=diagram.layout(report.groups),
            renewed_s=renewed_s,
        )
    )
    return text.encode(errors="backslashreplace")


def _policy(style: str, script: str) -> str:
    """What a browser lets the page do: its own style and script, pictures that are in it, and nothing else."""
    return (
        f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _asset(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, finalize=_shown,
    )  # fmt: skip
    made.globals |= {
        "State": State, "curves": curves, "latent": latent, "plate_map": plate_map,
        "box": {"width": diagram.WIDTH, "height": diagram.HEIGHT},
    }  # fmt: skip
    made.filters |= {
        "slug": slug,
        "brief": changes.brief,
        "number": lambda count: f"{count:,}",
        "share": lambda x: f"{x:.1%}",
    }
    return made


def _shown(value: Any) -> Any:
    """A text from outside, in which nothing acts on what shows it; then it is escaped."""
    return visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def slug(text: str) -> str:
    """A text as a part of an id of HTML, of letters, digits and `_-.` alone; different texts stay different."""
    return "".join(one if one.isascii() and (one.isalnum() or one in "_-") else f".{ord(one):x}." for one in text)
