"""The figures of a table: the same with pyarrow and, in a light installation, without it."""

from pathlib import Path

import pytest

from morphseq_manifest.base.errors import ContentError, UnreadableError
from morphseq_manifest.cohort.manifests import funnel, table_columns
from morphseq_manifest.cohort.manifests.images_manifest import Frame
from morphseq_manifest.cohort.manifests.table_figures import Figures, read_figures

TABLE = """\
experiment_date,well,embryo_id,snip_id,temperature,other
20240418,A01,20240418_A01_e01,a,28.5,1
20240418,A01,20240418_A01_e02,b,,2
20240418,A02,20240418_A02_e01,c,"",3
NA,B01,"NA_B01,e01",d,nan,
,C01,x,e,0,
20240418,,,f,1,1
"""


@pytest.fixture(params=["pyarrow", "pandas"])
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name: str = request.param
    monkeypatch.setattr(table_columns, "find_spec", lambda module: name == module)
    return name


@pytest.mark.usefixtures("reader")
def test_blank_cells_rows_wells_and_embryos_are_counted_by_experiment(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(TABLE)
    assert read_figures(path, ["temperature", "missing"]) == {
        "20240418": Figures(4, 3, 2, {"temperature": 2, "missing": 4}),
        "NA": Figures(1, 1, 1, {"temperature": 0, "missing": 1}),
        "None": Figures(1, 1, 1, {"temperature": 0, "missing": 1}),
    }


@pytest.mark.usefixtures("reader")
def test_reasons_are_counted_by_experiment_a_row_with_two_in_each(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    reasons = ["", "dead_flag", "dead_flag|LARGE_MASK", "", "LARGE_MASK"]
    names = ["a", "a", "a", "a", "b"]
    rows = [f"{name},A01,e,s{number},{why}\n" for number, (name, why) in enumerate(zip(names, reasons, strict=True))]
    path.write_text("experiment_date,well,embryo_id,snip_id,qc_fail_reasons\n" + "".join(rows))
    found = read_figures(path, [])
    assert {name: (figures.reasons, figures.unusable) for name, figures in found.items()} == {
        "a": ({"LARGE_MASK": 1, "dead_flag": 2}, 2),
        "b": ({"LARGE_MASK": 1}, 1),
    }


@pytest.mark.usefixtures("reader")
def test_frames_without_an_embryo_and_rows_left_out_are_counted() -> None:
    frames = [Frame(well, time_int, "", 1, "") for well in ("A01", "B02") for time_int in range(3)]
    table = b"snip_id,well,time_int\na,A01,0\nb,A01,0\nc,A01,2.0\nd,B02,1\ne,C01,0\nf,B02,late\n"
    assert funnel.of_embryos(table, frames, 4, "it") == {
        "frame_without_embryo": 3,
        "sam2_rows": 6,
        "well_qc_flag": 2,
    }
    assert funnel.of_embryos(b"well,time_int\n", frames, 0, "it")["frame_without_embryo"] == 6
    with pytest.raises(ContentError, match="it: not a table of this pipeline"):
        funnel.of_embryos(b"", frames, 0, "it")


@pytest.mark.usefixtures("reader")
def test_a_table_without_rows_has_no_experiment(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(TABLE.splitlines()[0] + "\n")
    assert read_figures(path, ["temperature", "missing"]) == {}


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("content", [b"", b"experiment_date,well\n1,2,3,4\n", b"experiment_date\n\xff\xfe\n"])
def test_what_is_not_a_table_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(ContentError, match=r"table\.csv: not a table of this pipeline"):
        read_figures(path, [])


@pytest.mark.usefixtures("reader")
def test_a_table_that_is_not_there_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="dvc checkout"):
        read_figures(tmp_path / "table.csv", [])
