"""`morphseq report`: its numbers are those of other answers, it works in a browser, and asks for nothing."""

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from tests import toy
from tests.browser import Page, opened
from tests.conftest import Once
from tests.project import Project, link_copy, replace_file
from tests.running import copy_of

SCRIPT = "<script>alert(1)</script>"


class Marked(HTMLParser):
    """The attributes of elements with `data-` ones, the cells of each table as texts, all text outside of scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[dict[str, str]] = []
        self.rows: list[tuple[str | None, list[str]]] = []
        self.text = ""
        self._table: str | None = None
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self._inside = tag if tag in {"script", "style"} else ""
        if any(name.startswith("data-") for name in found):
            self.elements.append(found)
        if tag == "table":
            self._table = found.get("data-table")
        elif tag == "tr":
            self.rows.append((self._table, []))
        elif tag in {"td", "th"} and self.rows:
            self.rows[-1][1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            return
        self.text += data
        if self.rows and self.rows[-1][1]:
            self.rows[-1][1][-1] += data.strip()

    def having(self, name: str) -> list[dict[str, str]]:
        return [element for element in self.elements if name in element]


def page_of(project: Project, *arguments: str) -> str:
    """The page that `morphseq report` writes."""
    project.morphseq("report", *arguments, "--output", "page.html")
    return (project.root / "page.html").read_text(encoding="utf-8")


def told(project: Project, *arguments: str) -> Any:
    """What a command says as JSON, whatever its exit status."""
    return json.loads(project.ending("morphseq", *arguments, "--json")[1])


@pytest.fixture
def stale(project: Project) -> Project:
    """A built project in which a setting, a frame and an output are others."""
    project.setting("blend_um", 60)
    project.change_pixel("20250101", "A03_t0002_stitch.png", 3, 3)
    (project.root / "data/sam2_pipeline_files/sam2_expr_files/sam2_metadata_20250102_snapshot.csv").unlink()
    return project


def test_the_numbers_are_those_of_status_and_provenance(stale: Project) -> None:
    page = Marked(page_of(stale))
    status = told(stale, "status")
    steps = [step for row in status["experiments"].values() for step in row.values()] + [*status["cohort"].values()]
    shown = {cell["data-stage"]: cell["data-state"] for cell in page.having("data-stage")}
    assert shown == {step["stage"]: step["state"] for step in steps}
    assert len(set(shown.values())) >= 4, shown
    graph = told(stale, "graph")
    counts = [
        (cell["data-state"], int(cell["data-count"])) for cell in page.having("data-count") if "data-state" in cell
    ]
    assert counts[: sum(len(group["counts"]) for group in graph["groups"])] == [
        item for group in graph["groups"] for item in _in_order(group["counts"])
    ]
    for table, card in zip(("df01", "df02", "df03"), _cards(page), strict=True):
        known = told(stale, "provenance", table)
        assert (int(card["rows"]), card["hash"]) == (known["rows"], known["hash"])
        assert float(card.get("coverage", "nan")) == pytest.approx(known["coverage"] or float("nan"), nan_ok=True)
        rows = [cells for name, cells in page.rows if name == table][1:]
        for cells, item in zip(rows, known["experiments"], strict=True):
            part = item["part"]
            assert cells[:6] == [item["experiment"], item["state"], *(str(part[name]) for name in PART)]
    warnings = status["warnings"]
    assert warnings
    assert all(line in page.text for line in warnings)


PART = ("rows", "embryos", "wells", "frames")


def _in_order(counts: dict[str, int]) -> list[tuple[str, int]]:
    order = ["up to date", "out of date", "behind", "missing", "failed", "unreadable"]
    return sorted(counts.items(), key=lambda item: order.index(item[0]))


def _cards(page: Marked) -> list[dict[str, str]]:
    """What is said of each table, in the order of the page."""
    cards: list[dict[str, str]] = []
    for element in page.elements:
        if "data-rows" in element and "data-name" not in element:
            cards.append({})
        for name in ("rows", "hash", "coverage"):
            if cards and f"data-{name}" in element and "data-name" not in element:
                cards[-1][name] = element[f"data-{name}"]
    return cards


def test_rows_lost_and_the_flags_of_wells_are_those_of_the_manifests(project: Project) -> None:
    page = Marked(page_of(project))
    manifest = project.manifest("df02")
    parts = manifest.experiments.values()
    reasons = {cell["data-reason"]: int(cell["data-count"]) for cell in page.having("data-reason")}
    assert reasons == {name: sum(part.reasons.get(name, 0) for part in parts) for name in reasons}
    assert set(reasons) == {name for part in parts for name in part.reasons}
    steps = {cell["data-step"]: int(cell["data-count"]) for cell in page.having("data-step")}
    assert steps["frames"] == sum(part.frames for part in parts)
    assert steps["usable rows"] == sum(part.funnel["usable"] for part in parts)
    lost = {cell["data-lost"]: int(cell["data-count"]) for cell in page.having("data-lost")}
    assert lost["not usable"] == sum(part.funnel["unusable"] for part in parts)
    wells = page.having("data-name")
    assert sum(int(well["data-rows"]) for well in wells) == manifest.rows
    assert sum(int(well["data-raised"].split(",")[0]) for well in wells) == lost["not usable"]


def test_the_same_project_gives_the_same_bytes_and_pictures_of_what_is_there(project: Project) -> None:
    first = page_of(project)
    assert page_of(project) == first
    pictures = first.count("data:image/webp")
    assert pictures > 60
    assert "of 12 wells" in first
    assert first.count("data:image/webp") > page_of(project, "--wells", "2").count("data:image/webp") >= 12
    assert len(page_of(project, "20250101")) < len(first)
    assert "http" not in re.sub(r"http-equiv|http://www.w3.org/2000/svg", "", first)
    assert "is not listed" in project.morphseq("report", "20250199", code=2)
    (project.root / "report.html").symlink_to("params.yaml")
    before = (project.root / "params.yaml").read_bytes()
    assert "report.html: the project's own" in project.morphseq("report", code=2)
    assert (project.root / "params.yaml").read_bytes() == before
    (project.root.parent / "kept").write_text("theirs")
    (project.root / "report.html").unlink()
    (project.root / "report.html").symlink_to("../kept")
    project.morphseq("report")
    assert (project.root.parent / "kept").read_text() == "theirs"
    assert not (project.root / "report.html").is_symlink()


def test_a_frame_that_is_gone_or_another_and_a_stack_that_is_damaged_are_named(project: Project) -> None:
    frames = project.frames("20250101")
    (frames / "A01_t0004_stitch.png").unlink()
    project.change_pixel("20250101", "A02_t0004_stitch.png", 0, 0)
    replace_file(project.root / "data/sam2_pipeline_files/exported_masks/20250101/A03.tif", b"II*\0")
    shutil.rmtree(project.root / "data/training_data/bf_embryo_snips/20250101")
    page = Marked(page_of(project, "20250101")).text
    assert "A01_t0004_stitch.png: can't be read" in page
    assert "A02_t0004_stitch.png: content has changed since it was listed" in page
    assert "exported_masks/20250101/A03.tif: not shown" in page
    assert "Not there: snip." in page


def test_outlines_and_masks_in_the_lab_s_older_form_are_drawn(project: Project) -> None:
    name = "20250102_snapshot"
    before = page_of(project, name)
    labels = project.root / "data/sam2_pipeline_files/exported_masks" / name
    yolks = project.root / "data/segmentation/yolk_v1_0050_predictions" / name
    (labels / "masks").mkdir()
    for well in ("A01", "A02"):
        label, yolk = (tifffile.imread(folder / f"{well}.tif") for folder in (labels, yolks))
        Image.fromarray(label).save(labels / f"masks/{name}_{well}_ch00_t0000_masks_emnum_1.png")
        Image.fromarray(np.where(yolk > 0, 255, 127).astype(np.uint8)).save(yolks / f"{well}_t0000.jpg", quality=95)
        (labels / f"{well}.tif").unlink()
        (yolks / f"{well}.tif").unlink()
    after = page_of(project, name)
    assert "Not there" not in Marked(after).text
    assert after.count("data:image/webp") == before.count("data:image/webp")
    shown = [re.findall(r'src="([^"]+)"[^>]+alt="Outlines and QC masks of well A01', page) for page in (before, after)]
    assert shown[0] == shown[1] != []


def test_a_clone_without_data_shows_what_git_has(built: Path, tmp_path: Path) -> None:
    project = Project(tmp_path / "clone")
    Project(built).run("git", "clone", "--quiet", str(built), str(project.root))
    page = Marked(page_of(project))
    assert [card["rows"] for card in _cards(page)] == [
        str(project.manifest(name).rows) for name in ("df01", "df02", "df03")
    ]
    assert "No plots of df02 and df03" in page.text
    assert "A01_t0004_stitch.png: can't be read" in page.text
    assert page.having("data-step")


def test_a_project_of_other_things_has_its_grid_and_stages(tmp_path: Path) -> None:
    project = Project(tmp_path / "other")
    project.root.mkdir()
    project.run("git", "init", "--quiet")
    project.run("dvc", "init", "--quiet")
    (project.root / "params.yaml").write_text("items:\n  a: {x: 1}\n  b: {x: 2}\n")
    (project.root / "dvc.yaml").write_text(
        "stages:\n  one:\n    foreach: ${items}\n    do:\n"
        "      cmd: echo ${item.x} > ${key}.txt\n      outs: ['${key}.txt']\n"
        "  two:\n    cmd: cat a.txt b.txt > c.txt\n    deps: [a.txt, b.txt]\n    outs: [c.txt]\n"
    )
    page = Marked(page_of(project))
    assert {cell["data-stage"]: cell["data-state"] for cell in page.having("data-stage")} == dict.fromkeys(
        ("one@a", "one@b", "two"), "missing"
    )
    assert "Tables" not in page.text
    assert "ends with .html" in project.morphseq("report", "-o", "params.yaml", code=2)
    (project.root / "dvc.yaml").write_text("stages: {}\n")
    assert page_of(project)


@pytest.fixture
def hostile(once: Once, tmp_path: Path) -> Project:
    """A toy project with markup wherever a stranger can write some."""
    project = copy_of(once("toy", toy.build), tmp_path / "project")
    project.edit("params.yaml", "  nested:\n", f'  "{SCRIPT}": 1\n  nested:\n')
    project.edit("params.yaml", "model_name: a", f"model_name: 'a{SCRIPT}\\u202e'")
    project.run("git", "config", "user.name", SCRIPT)
    project.commit(f"</code>{SCRIPT}")
    (project.root / f"data/labels/20240418/{SCRIPT.replace('/', '')}").write_text("more")
    return project


def test_nothing_from_outside_is_taken_for_markup(hostile: Project, tmp_path: Path) -> None:
    page = page_of(hostile)
    assert SCRIPT in Marked(page).text
    assert "\u202e" not in page
    assert page.count("<script>") == 1
    with opened(hostile.root / "page.html", tmp_path / "profile") as browser:
        assert not browser.logged


def test_it_works_in_a_browser(stale: Project, tmp_path: Path) -> None:
    page_of(stale)
    with opened(stale.root / "page.html", tmp_path / "profile") as page:
        _check_sorting(page)
        _check_filter(page)
        _check_why(page)
        _check_keyboard(page)
        _check_map(page)
        for width in (1280, 400):
            for dark in (False, True):
                page.look(width, dark=dark)
                assert page.js("document.documentElement.scrollWidth") <= width
        page.look(760, media="print")
        page.js("dispatchEvent(new Event('beforeprint'))")
        assert page.js("document.querySelectorAll('details.plate:not([open])').length") == 0
        assert page.js("[...document.images].every((one) => one.complete && one.naturalWidth > 0 && one.alt)")
        assert page.js("[...document.querySelectorAll('svg[role=img]')].every((one) => one.getAttribute('aria-label'))")
        assert not page.logged
        assert {address.partition(":")[0] for address in page.requests} <= {"file", "data"}
        assert sum(address.startswith("file") for address in page.requests) == 1


_NAMES = "[...document.querySelectorAll('#grid tbody tr:not([hidden]) th')].map((cell) => cell.textContent.trim())"


def _check_sorting(page: Page) -> None:
    names = page.js(_NAMES)
    assert names == sorted(names)
    page.js("document.querySelector('#grid thead button').click()")
    assert page.js(_NAMES) == names[::-1]
    states = (
        "[...document.querySelectorAll('#grid tbody tr')].map((row) => row.cells[3].querySelector('a').dataset.rank)"
    )
    page.js("document.querySelectorAll('#grid thead button')[3].click()")
    assert page.js(states) == sorted(page.js(states))
    assert page.js("document.querySelectorAll('#grid thead [aria-sort]').length") == 1


def _check_filter(page: Page) -> None:
    choose = "only.value = {!r}; only.dispatchEvent(new Event('change'))"
    page.js(choose.format("missing"))
    assert page.js(_NAMES) == ["20250102_snapshot"]
    assert page.js("shown.textContent") == "1 of 3 shown"
    page.js(choose.format("failed"))
    assert page.js(_NAMES) == []
    page.js(choose.format(""))
    page.js("named.value = 'awk'; named.dispatchEvent(new Event('input'))")
    assert page.js(_NAMES) == ["SimFish_awkward_v1.2_b"]
    page.js("named.value = ''; named.dispatchEvent(new Event('input'))")


def _check_why(page: Page) -> None:
    page.js("document.querySelector('#grid [data-stage=\"snips@20250101\"]').click()")
    assert page.js("why.open")
    assert "setting snips.blend_um changed" in page.js("why.textContent")
    assert page.js("document.activeElement.textContent") == "Close"
    page.press("Escape")
    assert not page.js("why.open")
    page.js("document.querySelector('#grid [data-state=\"up to date\"]').click()")
    assert "everything is as recorded" in page.js("why.textContent")
    page.js("why.close()")


def _check_keyboard(page: Page) -> None:
    stops = "[...document.querySelectorAll('#grid a.state')].filter((cell) => cell.tabIndex === 0).length"
    assert page.js(stops) == 1
    page.js("document.querySelector('#grid a.state[tabindex=\"0\"], #grid a.state:not([tabindex])').focus()")
    first = page.js("document.activeElement.dataset.stage")
    page.press("ArrowRight")
    page.press("ArrowDown")
    second = page.js("document.activeElement.dataset.stage")
    assert first.partition("@")[0] != second.partition("@")[0]
    assert first.partition("@")[2] != second.partition("@")[2]
    assert page.js(stops) == 1
    page.press("Enter")
    assert second in page.js("why.textContent")
    page.press("Escape")


def _check_map(page: Page) -> None:
    page.js("globalThis.map = document.querySelector('.plate-map'); map.closest('details').open = true")
    flags = page.js("[...map.querySelector('select').options].map((one) => one.textContent)")
    at = flags.index("MASK_ON_EDGE")
    page.js(f"map.querySelector('select').value = {at}; map.querySelector('select').dispatchEvent(new Event('change'))")
    counts = page.js("[...map.querySelectorAll('td[data-rows]')].map((one) => parseInt(one.textContent))")
    listed = page.js(f"Number(map.querySelectorAll('.scroll tbody tr')[{at}].cells[1].textContent)")
    assert sum(counts) == listed > 0


def test_it_is_renewed_while_a_run_goes_on(slow_states: Path, tmp_path: Path) -> None:
    project = copy_of(slow_states / "edited", tmp_path / "project")
    (project.root / "hold").touch()
    with project.start("morphseq", "run") as run:
        assert run.stdout
        next(line for line in run.stdout if "running" in line)
        with project.start("morphseq", "report", "--watch", "--output", "page.html") as watch:
            assert watch.stdout
            assert watch.stdout.readline().startswith("page.html: ")
            assert 'data-renewed="' in (project.root / "page.html").read_text()
            (project.root / "hold").unlink()
            assert run.wait() == 0
            assert watch.wait() == 0
    last = (project.root / "page.html").read_text()
    assert 'data-renewed="' not in last
    assert {cell["data-state"] for cell in Marked(last).having("data-stage")} == {"up to date"}


def test_a_link_copy_says_the_same(built: Path, tmp_path: Path) -> None:
    first, second = (link_copy(built, tmp_path / name) for name in ("one", "two"))
    assert page_of(first) == page_of(second)
