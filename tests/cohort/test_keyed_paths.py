"""Paths that differ in an experiment's id alone."""

import pytest

from morphseq_manifest.cohort.keyed_paths import Pattern, pattern_of


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("data/frames/20240418", Pattern("data/frames")),
        ("data/plates/20240418_metadata.csv", Pattern("data/plates", "", "_metadata.csv")),
        ("data/tables/sam2_20240418.csv", Pattern("data/tables", "sam2_", ".csv")),
        ("data/20240418/masks/a.png", Pattern("data", "", "", "/masks/a.png")),
        ("data/20240418/20240418.csv", Pattern("data/20240418", "", ".csv")),
        ("data/models/threshold", None),
        ("20240418/frames", None),
    ],
)
def test_what_varies_in_a_path(path: str, found: Pattern | None) -> None:
    assert pattern_of(path, "20240418") == found
    if found:
        assert found.path("20240418") == path
        name = path.removeprefix(f"{found.folder}/").removesuffix(found.inside)
        assert found.key(name) == "20240418"


@pytest.mark.parametrize("name", ["sam2_.csv", "sam2_a.txt", "a.csv", "sam2_", ""])
def test_a_name_of_another_kind_has_no_id(name: str) -> None:
    assert Pattern("data", "sam2_", ".csv").key(name) is None


def test_what_lies_in_the_projects_own_folder() -> None:
    assert Pattern("").path("models") == "models"
