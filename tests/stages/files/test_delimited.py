"""Tables in the forms in which spreadsheets and microscopes export them: read as they are meant, or refused by row."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morphseq_manifest.base.errors import ContentError, UnreadableError
from stages.files import delimited, tables
from stages.files.decoding import decode

NUMERIC = {"time_int", "Width (um)", "temperature"}
TEXT = "well,time_int,Objective,temperature\nA01,0,4× / 0.13 µm,28.5\nA02,1,été °C,\n"  # noqa: RUF001
TABLE = {
    "well": ["A01", "A02"],
    "time_int": ["0", "1"],
    "Objective": ["4× / 0.13 µm", "été °C"],  # noqa: RUF001
    "temperature": ["28.5", ""],
}
FORMS = {
    "UTF-8": TEXT.encode(),
    "a byte order mark": TEXT.encode("utf-8-sig"),
    "Excel's Unicode text": TEXT.replace(",", "\t").replace("28.5", "28,5").encode("utf-16"),
    "big-endian": b"\xfe\xff" + TEXT.encode("utf-16-be"),
    "Windows-1252": TEXT.replace("\n", "\r\n").encode("cp1252"),
    "Windows' line ends": TEXT.replace("\n", "\r\n").encode(),
    "converted twice": TEXT.replace("\n", "\r\r\n").encode(),
    "an old Mac's": TEXT.replace("\n", "\r").encode(),
    "no last line end": TEXT[:-1].encode(),
    "semicolons": TEXT.replace(",", ";").replace("28.5", "28,5").encode(),
    "semicolons and points": TEXT.replace(",", ";").encode(),
    "a statement": ("sep=;\n" + TEXT.replace(",", ";")).encode(),
    "commas too many": TEXT.replace("\n", ",,\n").encode(),
    "commas too many in some rows": TEXT.replace("28.5\n", "28.5,,\n").encode(),
    "commas too few": TEXT.replace("°C,\n", "°C\n").encode(),
    "quotes": b'"' + TEXT.replace(",", '","').replace("\n", '"\n"').encode()[:-1],
    "blanks": TEXT.replace(",", " , ").encode(),
    "blank rows": TEXT.replace("\n", "\n,,,\n\n").encode(),
}  # fmt: skip


def written(folder: Path, data: bytes | str) -> Path:
    path = folder / "plate.csv"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


@pytest.mark.parametrize("form", FORMS)
def test_a_table_is_the_same_in_every_form(tmp_path: Path, form: str) -> None:
    table = delimited.read(written(tmp_path, FORMS[form]), NUMERIC)
    assert table.to_dict("list") == TABLE


@pytest.mark.parametrize("settings", [{}, {"sep": ";", "decimal": ","}, {"sep": "\t"}, {"encoding": "utf-16"}])
def test_what_pandas_writes_is_read(tmp_path: Path, settings: dict[str, str]) -> None:
    frame = pd.DataFrame({"well": ["A01", "B02"], "temperature": [28.5, 29.25], "dye": ["é", "x"]}, index=[4, 5])
    path = tmp_path / "plate.csv"
    frame.to_csv(path, **settings)
    assert delimited.read(path, NUMERIC).to_dict("list") == {
        "Unnamed: 0": ["4", "5"], "well": ["A01", "B02"], "temperature": ["28.5", "29.25"], "dye": ["é", "x"],
    }  # fmt: skip


def test_windows_1252_is_noted_with_what_was_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, FORMS["Windows-1252"])
    delimited.read(path, NUMERIC)
    said = capsys.readouterr().err
    assert f"{path}: not UTF-8; read as Windows-1252: row 2 has 'A01,0,4× / 0.13 µ'. Save it as CSV UTF-8" in said  # noqa: RUF001


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "its first line names no columns"),
        ("\n" + TEXT, "its first line names no columns"),
        ("well,genotype\nA01,кот\n".encode("cp1251"), "row 2: in neither UTF-8 nor Windows-1252. Save it as CSV UTF-8"),
        ("well,genotype\nA01,ねこ\n".encode("shift-jis"), "row 2: in neither UTF-8 nor Windows-1252"),
        ("well,genotype\nA01,é\n".encode() + b"A02,\xe9\n", "row 3: in neither UTF-8 nor Windows-1252"),
        (b"well,genotype\nA01,\x81\n", "row 2: in neither UTF-8 nor Windows-1252"),
        (TEXT.replace("\n", "\r").encode("mac-roman", "ignore"), "row 2: in neither UTF-8 nor Windows-1252"),
        (TEXT.encode("utf-16")[:-1], "not UTF-16, as it begins to be"),
        (TEXT.encode("utf-16-le"), r"row 1: holds '\x00'"),
        ("well,time_int\n".encode("utf-16-le"), r"row 1: holds '\x00': not a table in text"),
        (b"PK\x03\x04\x14\x00\x06\x00", r"row 1: holds '\x03'"),
        ("a,b\n1,2\r3,4\n5,6\n", "row 2: holds a line break that does not end its line"),
        ('a,b\n1,"2\n3"\n5,6\n', "row 2: a cell holds a line break. Remove it"),
        ('a,b\n1,2\n"3,4\n5,6\n', "row 3: unexpected end of data. Correct its quotes"),
        ('a,b\n1,2\n"4x"y,4\n', "row 3: ',' expected after '\"'. Correct its quotes"),
        ("a,b\n1,2\n3,4,5\n", "row 3: has 3 cells, and the first line names 2 columns: '5' is of none"),
        ("a,b,c\n1,2,3\n4,5", "row 3: ends early, and so does the file. Export it again"),
        ("a,b, a\n1,2,3\n", "column 'a' stands there twice"),
        (
            "well;temperature;Width (um)\nA01;28,5;\nA02;28;7.080\n",
            "row 2: temperature is '28,5'; row 3: Width (um) is",
        ),
        (
            "well;time_int;Width (um)\nA01;0;4.096\nA02;1;900\n",
            "row 2: Width (um) is '4.096', and no other number tells whether that is 4096 or 4.0960. Write it in one",
        ),
        ("a,b\n1,x\x0cy\n", "row 2: a cell holds a line break. Remove it"),
        ("a,b\n1,x\u2028y\n", "row 2: a cell holds a line break. Remove it"),
        ("well,temperature\nA01,1.00E+02\n", "row 2: temperature is '1.00E+02', as Excel shows numbers of which"),
        ("well;time_int\nA01;1,00E+02\n", "row 2: time_int is '1,00E+02', as Excel shows"),
    ],
)
def test_what_can_not_be_read_safely_is_refused(tmp_path: Path, data: bytes | str, said: str) -> None:
    path = written(tmp_path, data)
    with pytest.raises(ContentError) as refused:
        delimited.read(path, NUMERIC)
    assert str(refused.value).startswith(str(path))
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("text", "cure"),
    [("28,5", "Write 28.5"), ("7,080.9", "Write 7080.9"), ("7,080", "Write 7080 or 7.080"),
     ("7.080,9", "Write 7080.9"), ("1,234,567", "Write 1234567"), ("warm", "Correct it")],
)  # fmt: skip
def test_what_is_no_number_is_refused_with_the_cure(tmp_path: Path, text: str, cure: str) -> None:
    path = written(tmp_path, f'well,temperature\nA01,"{text}"\n')
    table = delimited.read(path, NUMERIC)
    with pytest.raises(ContentError, match=rf"row 2: temperature is '{text}', not a number. {cure}$"):
        tables.numbers(table, "temperature", path)


def test_only_numbers_are_changed_and_rows_keep_their_number(tmp_path: Path) -> None:
    path = written(tmp_path, "sep=;\nwell;temperature;dose\n\n;;\nA01;-2,5e1;0,5\nA02;,5;1,5\n")
    table = delimited.read(path, NUMERIC)
    assert table.to_dict("list") == {
        "well": ["A01", "A02"], "temperature": ["-2.5e1", ".5"], "dose": ["0,5", "1,5"],
    }  # fmt: skip
    assert [tables.row_of(table, place) for place in (0, 1)] == [5, 6]


@pytest.mark.parametrize(
    "cells", ["28.5;4.096", "0.123;", "28.50;1.234", "4096.125;4.096", "28;4096", "28,5;4096"],
)  # fmt: skip
def test_another_number_tells_that_a_point_is_of_decimals(tmp_path: Path, cells: str) -> None:
    path = written(tmp_path, f"well;temperature;Width (um)\nA01;{cells}\n")
    first, second = cells.split(";")
    assert delimited.read(path, NUMERIC).iloc[0].to_list() == ["A01", first.replace(",", "."), second]


def test_what_is_not_seen_makes_no_other_name_or_value(tmp_path: Path) -> None:
    path = written(tmp_path, "well,geno\u00adtype\u200b\nA01,\ufeffwt\u200e\nA02,wt\u200b\n")
    assert delimited.read(path, NUMERIC).to_dict("list") == {"well": ["A01", "A02"], "genotype": ["wt", "wt"]}


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match=r"plate\.csv: can't be read"):
        delimited.read(tmp_path / "plate.csv", NUMERIC)


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1))
def test_text_in_unicode_comes_back(text: str) -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        assert decode(text.encode(encoding), Path("plate.csv")) == text.removeprefix("\ufeff" * (encoding == "utf-8"))


@given(st.binary())
def test_no_bytes_lead_to_anything_but_a_table_or_an_error_of_ours(data: bytes) -> None:
    try:
        text = decode(data, Path("plate.csv"))
    except ContentError:
        return
    assert "\r" not in text
