"""The rows of a table: typed in Python, with or without its typed copy, and of some experiments as a file."""

import io
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

import morphseq_manifest
from morphseq_manifest.answers.blame import readings
from morphseq_manifest.answers.table import reading, writing
from morphseq_manifest.base.display import counted
from morphseq_manifest.base.errors import ConfigError, ContentError, UnreadableError
from morphseq_manifest.cohort import typed_tables
from tests.project import PLATES, Project, replace_file

TIME_LAPSE, SNAPSHOT, AWKWARD = PLATES
TABLES = ("df01", "df02", "df03")


def read(project: Project, table: str, experiments: Any = None, **options: Any) -> pd.DataFrame:
    frame: pd.DataFrame = morphseq_manifest.read_table(table, experiments, project.root, **options)
    return frame


def lines_of(project: Project, table: str, *experiments: str) -> bytes:
    """The header and the lines of these experiments, picked one by one."""
    header, *lines = project.table(table).read_bytes().splitlines(keepends=True)
    return b"".join([header, *(line for line in lines if line.split(b",")[0].decode() in experiments)])


@pytest.mark.parametrize("table", TABLES)
def test_types_are_those_of_the_columns_and_blank_is_missing(built: Path, table: str) -> None:
    project = Project(built)
    frame, text = read(project, table), pd.read_csv(project.table(table), dtype=str, keep_default_na=False)
    assert frame.columns.tolist() == text.columns.tolist()
    kinds = {name: str(dtype) for name, dtype in frame.dtypes.items()}
    expected = {"experiment_date": "string", "time_int": "Int64", "temperature": "Float64", "dead_flag": "boolean"}
    assert {name: kinds[name] for name in expected} == expected
    assert set(kinds.values()) <= {"string", "Int64", "Float64", "Float32", "boolean"}
    assert (frame.isna() == (text == "")).all(axis=None)
    for name, cells in text.items():
        known = frame[name].dropna()
        if kinds[name] in {"string", "boolean"}:
            assert known.astype(str).tolist() == cells[cells != ""].tolist(), name
        else:
            assert known.astype(float).tolist() == pytest.approx(cells[cells != ""].astype(float).tolist(), rel=1e-7)


def test_latents_are_float32_and_reasons_say_why(built: Path) -> None:
    project = Project(built)
    df02, df03 = read(project, "df02"), read(project, "df03")
    assert {str(df03[name].dtype) for name in df03.columns if name.startswith("z_mu_")} == {"Float32"}
    assert (df02["use_embryo_flag"] == df02["qc_fail_reasons"].isna()).all()
    assert df03["qc_fail_reasons"].isna().all()
    whys = {why for text in df02["qc_fail_reasons"].dropna() for why in text.split("|")}
    assert "dead_flag" in whys
    for name in whys & {"dead_flag", "dead_flag2", "sa_outlier_flag"}:
        has = df02["qc_fail_reasons"].str.split("|").map(lambda found, name=name: name in found, na_action="ignore")
        assert (has.fillna(False).astype(bool) == df02[name].fillna(False)).all()
    flagged = df02[df02["sam2_qc_flag"]]
    assert all(names in why for names, why in zip(flagged["sam2_qc_flags"], flagged["qc_fail_reasons"], strict=True))


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("experiments", [None, [SNAPSHOT], [AWKWARD, TIME_LAPSE], []])
def test_the_csv_alone_gives_the_same_frame(
    built: Path, table: str, experiments: list[str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Project(built)
    by_copy = read(project, table, experiments)
    monkeypatch.setattr(reading, "find_spec", lambda module: None)
    pd.testing.assert_frame_equal(read(project, table, experiments), by_copy)
    names = PLATES if experiments is None else experiments
    assert set(by_copy["experiment_date"]) == set(names)
    assert len(by_copy) == sum(project.manifest(table).experiments[name].rows for name in names)


def test_what_is_not_what_its_stage_made_is_refused(project: Project) -> None:
    path = project.table("df02").with_suffix(".parquet")
    data = path.read_bytes()
    replace_file(path, data[:-100])
    with pytest.raises(ContentError, match=r"df02\.parquet: not what dvc\.lock has"):
        read(project, "df02")
    replace_file(path, bytes([*data[:100], data[100] ^ 1, *data[101:]]))
    with pytest.raises(ContentError, match="not what dvc"):
        read(project, "df02", check=True)
    path.unlink()
    assert len(read(project, "df02", check=True)) == project.manifest("df02").rows
    table = project.table("df02")
    replace_file(table, table.read_bytes().replace(b",E3,", b",E2,"))
    with pytest.raises(ContentError, match=f"its rows of {SNAPSHOT} are not those that df02 wrote"):
        read(project, "df02", [SNAPSHOT])
    with pytest.raises(ContentError, match=r"df02\.csv: not what dvc\.lock has"):
        read(project, "df02", check=True)
    table.unlink()
    with pytest.raises(UnreadableError, match="dvc checkout"):
        read(project, "df02")


def test_wrong_names_are_refused(built: Path) -> None:
    with pytest.raises(ConfigError, match="'df09' is not a cohort table"):
        read(Project(built), "df09")
    with pytest.raises(ConfigError, match=f"'2025010' is not in df01.*Did you mean '{TIME_LAPSE}'"):
        read(Project(built), "df01", "2025010")


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("experiments", [(SNAPSHOT,), (AWKWARD, TIME_LAPSE), PLATES])
def test_the_rows_of_experiments_are_those_of_the_table_to_the_byte(
    built: Path, tmp_path: Path, table: str, experiments: tuple[str, ...]
) -> None:
    project, names = Project(built), ",".join(experiments)
    expected = lines_of(project, table, *experiments)
    assert project.morphseq("show", table, "--experiments", names).encode() == expected
    for name in ("some.csv", "some.parquet"):
        said = project.morphseq("show", table, "--experiment", names, "--output", tmp_path / name)
        assert f"{name} written: rows of {counted(len(experiments), 'experiment')}" in said
    assert (tmp_path / "some.csv").read_bytes() == expected
    whole = parquet.read_table(project.table(table).with_suffix(".parquet"))
    own = pa.array(sorted(experiments))
    assert parquet.read_table(tmp_path / "some.parquet").equals(
        whole.filter(pa.compute.is_in(whole["experiment_date"], own)).combine_chunks()
    )


def test_without_a_choice_it_is_the_whole_table_and_a_day_leaves_out_what_has_none(built: Path) -> None:
    project = Project(built)
    assert project.morphseq("show", "df01").encode() == project.table("df01").read_bytes()
    said = project.morphseq("show", "df01", "--later-than", "20250101")
    assert said.startswith(f"undated, and so left out: {AWKWARD}\n")
    assert said.partition("\n")[2].encode() == lines_of(project, "df01", SNAPSHOT)


def test_the_whole_table_as_parquet_is_its_typed_copy(built: Path, tmp_path: Path) -> None:
    project = Project(built)
    project.morphseq("show", "df03", "--format", "parquet", "--output", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == project.table("df03").with_suffix(".parquet").read_bytes()


def test_rows_that_are_not_those_of_the_stage_are_refused(project: Project, tmp_path: Path) -> None:
    table = project.table("df01")
    lines = table.read_bytes().splitlines(keepends=True)
    replace_file(table, b"".join([*lines[:50], lines[50].replace(b",E3,", b",E2,"), *lines[51:]]))
    output = tmp_path / "some.csv"
    said = project.morphseq("show", "df01", "--experiments", TIME_LAPSE, "--output", output, code=3)
    assert f"its rows of {TIME_LAPSE} are not those that df01 wrote" in said
    assert not [name for name in os.listdir(tmp_path) if name == output.name or name.startswith(".morphseq-")]
    assert project.morphseq("show", "df01", "--experiments", SNAPSHOT).encode() == lines_of(project, "df01", SNAPSHOT)
    replace_file(table, b"".join(line for line in lines if not line.startswith(SNAPSHOT.encode())))
    assert f"its rows of {SNAPSHOT}" in project.morphseq("show", "df01", "--experiments", SNAPSHOT, code=3)
    table.unlink()
    assert "dvc checkout" in project.morphseq("show", "df01", code=4)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("df09",), "not a cohort table"),
        (("df01", "--experiments", "20250102_snapshoot"), f"Did you mean '{SNAPSHOT}'"),
        (("df01", "--format", "parquet"), "give --output FILE"),
        (("df01", "--later-than", "soon"), "'soon' is not a day"),
        (
            ("df01", "--output", "data/metadata/combined_metadata_files/embryo_metadata_df01.csv"),
            "what stage df01 reads",
        ),
        (("df01", "--output", "data/metadata/built_metadata_files/a.csv"), "what stage wells reads or makes"),
        (("df01", "--output", "manifests/df02.json"), "manifests/df02.json is what stage df02 reads or makes"),
        (("df01", "--output", "../built/params.yaml", "--format", "csv"), "the project's own"),
        (("df01", "--output", ".dvc/a.csv"), "the project's own"),
        (("df01", "--output", "rows.xlsx"), "one of the endings .csv, .parquet, .json"),
        (("df01", "--output", "rows.csv", "--format", "json"), "one of the endings"),
    ],
)
def test_wrong_usage_ends_with_2(built: Path, arguments: tuple[str, ...], said: str) -> None:
    assert said in Project(built).morphseq("show", *arguments, code=2)


def test_an_experiment_is_a_row_group(built: Path) -> None:
    file = parquet.ParquetFile(Project(built).table("df02").with_suffix(".parquet"))
    rows = [part.rows for part in Project(built).manifest("df02").experiments.values()]
    assert [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)] == rows
    assert file.schema_arrow == typed_tables.schema(file.schema_arrow.names)


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x0b", "\x0c", "\x85", "\x1e"])
def test_a_cell_that_other_programs_take_for_two_lines_is_one(mark: str) -> None:
    rows = f"a,x{mark}y,1\nb,,2\n"
    table: Any = SimpleNamespace(header=b"id,text,n\n", columns=["id", "text", "n"], rows=lambda _: [rows.encode()])
    out = io.BytesIO()
    writing.write_csv(table, writing.Choice([], ["n", "text"]), out)
    assert out.getvalue().decode() == f"n,text\n1,x{mark}y\n2,\n"
    for end in ("\n", "\r\n", "\r"):
        known = readings.table(["id"])(f"id,text,n\n{rows}".replace("\n", end).encode())
        assert [(row["id"], row["text"], row["n"]) for row in known.values()] == [
            ("a", f"x{mark}y", "1"),
            ("b", "", "2"),
        ]
