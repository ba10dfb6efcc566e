"""How an experiment's rows and its plate's are joined."""

from pathlib import Path

import pandas as pd
import pytest

from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.cohort import columns, params
from morphseq_manifest.cohort.columns import Source, needed_of_plate
from stages import build03
from stages.files import plates
from stages.imaging.geometry import Settings
from stages.networks.qc_networks import QcSettings
from tests.project import REPOSITORY


def test_rows_without_a_plate_row_keep_blanks_and_the_plates_columns_go_along() -> None:
    embryos = pd.DataFrame({"well": ["A01", "A02"], "time_int": [0, 0], "area_px": ["5", "6"]})
    plate = pd.DataFrame({"well": ["A01"], "time_int": [0], "dye": ["é"], "area_px": ["9"], "experiment_date": ["x"]})
    joined = build03.join_plate(embryos, plate)
    assert joined.to_dict("list") == {
        "well": ["A01", "A02"],
        "time_int": [0, 0],
        "area_px": ["5", "6"],
        "dye": ["é", ""],
    }


def test_wells_with_another_number_of_embryos_than_they_were_given_are_told() -> None:
    embryos = pd.DataFrame({"well": ["A01"] * 3 + ["A02"] * 2, "time_int": [0, 0, 1, 0, 1]})
    given = {"A01": "22", "A02": "33", "A03": "11", "A04": "00", "A05": ("1 or 2", ""), "A06": "12"}
    plate = pd.DataFrame(
        [(well, time_int, cell) for well, cells in given.items() for time_int, cell in enumerate(cells)],
        columns=["well", "time_int", "embryos_per_well"],
    )
    assert build03.other_counts(embryos, plate) == {"A02": (3, 1), "A03": (1, 0)}
    assert build03.other_counts(embryos, plate.drop(columns="embryos_per_well")) == {}


def test_a_plate_without_embryos_has_a_table_without_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As sam2 leaves it if no embryo is found, or if all wells are flagged."""
    monkeypatch.chdir(tmp_path)
    cells = {name: "1" for name in needed_of_plate()} | {"well": "A01", "time_int": "0", "genotype": "wt"}
    table = tmp_path / "data/metadata/built_metadata_files/EMPTY_metadata.csv"
    table.parent.mkdir(parents=True)
    table.write_text(f"{','.join(cells)}\n{','.join(cells.values())}\n")
    plate = plates.read_plate(table, "EMPTY")
    embryos = pd.DataFrame({name: pd.Series(dtype=str) for name in columns.names(Source.SAM2)})
    embryos["time_int"] = embryos["time_int"].astype(int)
    settings = params.read(REPOSITORY)
    networks = settings.block("qc_masks", QcSettings).models
    built = build03.build_table("EMPTY", embryos, plate, networks, settings.block("build03", Settings))
    assert len(built) == 0
    assert built.columns[:4].tolist() == ["experiment_date", "well", "embryo_id", "snip_id"]
    assert {"genotype", "area_um2", "dead_flag"} <= set(built.columns)


def test_a_table_of_the_labs_own_is_read_as_one_of_ours_and_the_plates_columns_in_it_give_way(tmp_path: Path) -> None:
    cells = dict.fromkeys(columns.names(Source.SAM2), "") | {
        "image_id": "20250305_1_A01_ch00_t0003", "embryo_id": "20250305_1_A01_e01", "well": "A01", "time_int": "3",
        "area_px": "8455.0", "temperature": "28.5", "genotype": "of another day",
    }  # fmt: skip
    path = tmp_path / "sam2.csv"
    path.write_text(f"{','.join(cells)}\n{','.join(cells.values())}\n")
    (row,) = build03.read_embryos(path, "20250305_1").to_dict("records")
    assert (row["area_px"], row["image_id"]) == (8455, "20250305_1_A01_t0003")
    assert list(row) == columns.names(Source.SAM2)
    path.write_text("snip_id,well\nx,A01\n")
    with pytest.raises(ContentError, match=r"sam2\.csv: lacks the column\(s\) 'embryo_id', 'area_px'"):
        build03.read_embryos(path, "20250305_1")
