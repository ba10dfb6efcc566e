"""What DVC itself shows of the tables: metrics that people can read, plots, and manifests that its run cache holds."""

import json
from pathlib import Path
from typing import Any

import pytest

from morphseq_manifest.cohort.manifests import places
from stages.files import layout
from tests.browser import opened
from tests.project import PLATES, Project

TABLES = ("df01", "df02", "df03")
MANIFESTS = [str(places.cohort(name)) for name in TABLES]


def shown(project: Project, *words: str) -> Any:
    """What a command of DVC prints as JSON, after whatever it warns of."""
    output = project.run("dvc", *words, "--json")
    return json.loads(output[output.index("{") :])


def leaves(value: Any) -> list[Any]:
    return [leaf for one in value.values() for leaf in leaves(one)] if isinstance(value, dict) else [value]


def told(project: Project) -> dict[str, bytes]:
    """The manifests, metrics and points of plots."""
    places_of = [*map(Path, MANIFESTS), *map(places.metrics, TABLES), *map(layout.plot, ("lost", "area", "coverage"))]
    return {path.as_posix(): (project.root / path).read_bytes() for path in places_of}


def changed(project: Project) -> None:
    """A setting is another, by which more rows are outliers."""
    project.setting("k_upper", 1.01)
    project.repro()


def test_metrics_are_numbers_alone_and_those_of_the_manifests(built: Path) -> None:
    project = Project(built)
    (said,) = shown(project, "metrics", "show").values()
    files = said["data"]
    assert sorted(files) == [f"metrics/{name}.json" for name in TABLES]
    for name in TABLES:
        metrics, manifest = files[f"metrics/{name}.json"]["data"][name], project.manifest(name)
        assert all(isinstance(leaf, int | float) for leaf in leaves(metrics)), metrics
        assert metrics["rows"] == manifest.rows > 0
    reasons = [part.reasons for part in project.manifest("df02").experiments.values()]
    counts = files["metrics/df02.json"]["data"]["df02"]["reasons"]
    assert counts == {name: sum(one.get(name, 0) for one in reasons) for name in counts}
    assert sum(counts.values()) == sum(sum(one.values()) for one in reasons) > 0


def test_two_commits_are_compared_by_counts(project: Project) -> None:
    before = project.manifest("df03").rows
    changed(project)
    after = project.manifest("df03").rows
    assert after < before
    found = shown(project, "metrics", "diff")
    assert sorted(found) == ["metrics/df02.json", "metrics/df03.json"]
    assert found["metrics/df03.json"]["df03.rows"] == {"old": before, "new": after, "diff": after - before}
    table = project.run("dvc", "exp", "show", "--only-changed", "--drop", "(data|manifests)/.*", "--csv")
    head, *rows = table.strip().splitlines()
    assert {"df02.usable", "df02.usable_share", "df03.rows", "df02.k_upper"} < set(head.split(","))
    assert not [name for name in head.split(",") if "/" in name or name.startswith("df01.")]
    assert len(rows) == 2


def test_what_dvc_has_run_before_is_restored_with_its_manifests_and_metrics(project: Project) -> None:
    before = told(project)
    text = (project.root / "params.yaml").read_bytes()
    changed(project)
    assert {path for path, data in told(project).items() if data != before[path]} > set(MANIFESTS[1:])
    (project.root / "params.yaml").write_bytes(text)
    ran = project.repro()
    assert (ran.stages, ran.restored) == (set(), {"df02", "df03"})
    assert told(project) == before
    project.run("git", "diff", "--exit-code")


def test_plots_are_drawn_of_the_tables_and_nothing_of_the_manifests(built: Path) -> None:
    found = shown(Project(built), "plots", "show")
    assert found.keys() == {"data"}, "no errors"
    drawn = {name: spec["content"] for name, (spec,) in ((k, v) for k, v in found["data"].items() if v)}
    assert sorted(name for name in found["data"] if name not in drawn) == MANIFESTS
    lost, area, coverage = (content["data"]["values"] for content in drawn.values())
    assert {point["reason"] for point in lost} > {"frame_without_embryo", "dead_flag"}
    assert {point["field"] for point in area} == {"p5", "p50", "p95", "reference_p50"}
    assert [point["experiment"] for point in coverage] == list(PLATES)
    unfilled = [text for content in drawn.values() for text in leaves(content) if "<DVC_METRIC" in str(text)]
    assert unfilled == []


def test_two_commits_are_drawn_side_by_side(project: Project) -> None:
    changed(project)
    found = shown(project, "plots", "diff", "HEAD")["data"]
    assert [spec["revisions"] for specs in found.values() for spec in specs] == [["workspace", "HEAD"]] * 3


def test_the_page_of_plots_asks_for_what_dvc_draws_with(project: Project, tmp_path: Path) -> None:
    project.run("dvc", "plots", "show")
    page_file = project.root / "dvc_plots/index.html"
    assert "dvc_plots" not in project.run("git", "status", "--porcelain")
    with opened(page_file, tmp_path / "browser") as page:
        asked = page.js("[...document.scripts].map(one => one.src).filter(one => one)")
        places = page.js("[...document.querySelectorAll('body > div')].map(one => one.id)")
    assert [name.rpartition("/")[2].partition("@")[0] for name in asked] == ["vega", "vega-lite", "vega-embed"]
    assert len(places) == 6


@pytest.mark.parametrize("name", TABLES)
def test_metrics_and_plots_have_the_same_bytes_each_time(project: Project, name: str) -> None:
    before = told(project)
    model = ["--model", "demo_a"] if name == "df03" else []
    project.run("python", "-m", f"stages.{name}", *model)
    assert told(project) == before
