"""The perturbation key: what it may be, and how df02 takes it in."""

from pathlib import Path

import pandas as pd
import pytest

from morphseq_manifest.base.errors import ContentError
from stages.files import perturbation_key

TABLE = pd.DataFrame({"snip_id": ["a", "b", "c", "d"], "genotype": ["wt", "tbx5a", "", "gdf3"]})
DF02 = Path("df02.csv")


def key(folder: Path, text: str) -> pd.DataFrame:
    path = folder / "perturbation_key.csv"
    path.write_text(text)
    return perturbation_key.read(path)


def test_rows_get_what_the_key_says_and_values_without_an_entry_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = key(tmp_path, "genotype;gene;control of\ntbx5a;Tbx5a;wt\n\nwt;;\nunused;x;y\n")
    joined = perturbation_key.join(TABLE, found, DF02)
    assert joined.to_dict("list") == {
        **TABLE.to_dict("list"), "gene": ["", "Tbx5a", "", ""], "control of": ["", "wt", "", ""],
    }  # fmt: skip
    said = capsys.readouterr().err
    assert said.endswith(
        "df02: 1 values of genotype, in 1 rows, have no entry in "
        "data/metadata/built_metadata_files/perturbation_key.csv: 'gdf3'\n"
    )


def test_no_key_changes_nothing() -> None:
    nothing = pd.DataFrame({"chem_perturbation": []}, dtype=str)
    assert perturbation_key.join(TABLE, nothing, DF02) is TABLE


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gene,genotype\nx,wt\n", "its first column is 'gene', expected chem_perturbation or genotype. Put that first"),
        ("genotype,gene\nwt,x\n\nwt,y\n", "row 4: genotype 'wt' is duplicated. Remove one"),
        ("genotype,gene\nwt,x\n,y\n", "row 3: genotype is blank. Name it, or remove the row"),
        ("genotype,use_embryo_flag\nwt,x\n", "column 'use_embryo_flag' is one that the tables have already"),
        ("genotype,temperature\nwt,x\n", "column 'temperature' is one that the tables have already. Rename it"),
        ("genotype,z_mu_n_00\nwt,x\n", "column 'z_mu_n_00' is one that the tables have already"),
        ("genotype,gene,gene\nwt,x,y\n", "column 'gene' stands there twice"),
        ("", "its first line names no columns"),
    ],
)
def test_what_can_not_be_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ContentError) as refused:
        key(tmp_path, text)
    assert str(refused.value).startswith(f"{tmp_path / 'perturbation_key.csv'}")
    assert said in str(refused.value)


def test_a_key_of_what_the_table_lacks_or_with_what_it_has_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContentError, match=r"perturbation_key\.csv: is of chem_perturbation, which no plate has"):
        perturbation_key.join(TABLE, key(tmp_path, "chem_perturbation,target\nx,y\n"), DF02)
    with pytest.raises(ContentError, match=r"column 'dye' is in df02\.csv already"):
        perturbation_key.join(TABLE.assign(dye=""), key(tmp_path, "genotype,dye\nwt,y\n"), DF02)


def test_an_error_of_the_spreadsheet_s_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContentError, match=r"row 3: gene is '#REF!', an error of the spreadsheet's. Correct it"):
        key(tmp_path, "genotype,gene\nwt,none\ntbx5a,#REF!\n")
