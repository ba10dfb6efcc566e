"""Workbooks are opened only if they are whole and harmless; what is refused is named, and never a traceback."""

import contextlib
import io
import shutil
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from morphseq_manifest.base.errors import ContentError, UnreadableError
from stages.files import workbooks
from stages.files.workbooks import Cell, Kind
from tests.stages.files.books import grid, rows, write

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@pytest.fixture(scope="module")
def uncomputed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A workbook's bytes as openpyxl writes it, and XlsxWriter: Excel is to compute what is in it."""
    return write(
        tmp_path_factory.mktemp("book") / "book.xlsx", {"genotype": grid({"A01": "wt", "B02": "x"})}
    ).read_bytes()


@pytest.fixture(scope="module")
def whole(uncomputed: bytes) -> bytes:
    """A workbook's bytes, all of it computed, as Excel saves it."""
    return patched(uncomputed, "xl/workbook.xml", b' fullCalcOnLoad="1"', b"")


def patched(data: bytes, part: str, old: bytes, new: bytes) -> bytes:
    """The workbook with something else in one of its parts."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        content = archive.read(part)
    assert old in content
    return rewritten(data, {part: content.replace(old, new)})


def rewritten(data: bytes, change: dict[str, bytes | None]) -> bytes:
    """The workbook with other bytes in some of its parts, or without them."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for name in {*old.namelist(), *change}:
            content = change.get(name, old.read(name) if name in old.namelist() else None)
            if content is not None:
                new.writestr(name, content)
    return made.getvalue()


def sheet(body: str) -> dict[str, bytes | None]:
    """The first sheet with this in it."""
    namespace = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return {"xl/worksheets/sheet1.xml": f'<worksheet xmlns="{namespace}">{body}</worksheet>'.encode()}


def cells(data: bytes, folder: Path) -> dict[str, Cell]:
    path = folder / "book.xlsx"
    path.write_bytes(data)
    return {cell.place: cell for cell in workbooks.read(path)[0].cells.values()}


def refused(data: bytes, folder: Path) -> str:
    path = folder / "book.xlsx"
    path.write_bytes(data)
    with pytest.raises(ContentError) as error:
        workbooks.read(path)
    assert str(error.value).startswith(str(path))
    return str(error.value)


def test_other_formats_are_told_apart(tmp_path: Path, whole: bytes) -> None:
    locked = _OLE + bytes(100) + "EncryptedPackage".encode("utf-16-le")
    assert "protected by a password. Save it without one" in refused(locked, tmp_path)
    assert "an Excel 97-2003 workbook under another name" in refused(_OLE + bytes(600), tmp_path)
    for data in (b"", b"well,genotype\nA01,wt\n", whole[:-40], b"PK\x03\x04"):
        assert "not a whole workbook" in refused(data, tmp_path)
    with pytest.raises(UnreadableError, match=r"other\.xlsx: can't be read"):
        workbooks.read(tmp_path / "other.xlsx")


def test_what_unpacks_to_more_than_any_plate_is_not_unpacked(tmp_path: Path, whole: bytes) -> None:
    bomb = rewritten(whole, {"xl/sharedStrings.xml": bytes(64 << 20)})
    assert len(bomb) < 1 << 20
    tracemalloc.start()
    try:
        assert "unpacks to 67," in refused(bomb, tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "body",
    [
        '<sheetData/><mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>',
        '<sheetData/><mergeCells count="1"><mergeCell ref="A1:A1048576"/></mergeCells>',
        '<sheetData><row r="99999999999"><c r="A1" t="inlineStr"><is><t>x</t></is></c></row></sheetData>',
        "<sheetData>"
        + "".join(f'<row r="{n}">' + "<c><v>1</v></c>" * 200 + "</row>" for n in range(1, 600))
        + "</sheetData>",
        "<sheetData>" + "".join(f'<row r="{n}"><c r="XFD{n}"/></row>' for n in range(1, 20_000)) + "</sheetData>",
        "<sheetData>" + f"<row>{'<c/>' * 1000}</row>" * 600 + "</sheetData>",
    ],
)
def test_a_sheet_larger_than_any_plate_is_refused_soon(tmp_path: Path, whole: bytes, body: str) -> None:
    assert "sheet 'genotype': more cells than any plate's" in refused(rewritten(whole, sheet(body)), tmp_path)


def test_a_sheet_that_lies_about_its_size_is_read(tmp_path: Path, whole: bytes) -> None:
    body = '<dimension ref="A1:XFD1048576"/><sheetData><row r="2"><c r="C2"><v>1.5</v></c></row></sheetData>'
    assert cells(rewritten(whole, sheet(body)), tmp_path) == {"C2": Cell("C2", "1.5", Kind.NUMBER)}


def test_formulas_are_taken_for_what_they_gave(tmp_path: Path, whole: bytes) -> None:
    body = (
        '<sheetData><row r="1">'
        '<c r="A1"><f>1+1</f><v>2</v></c><c r="B1" t="str"><f>"w"&amp;"t"</f><v>wt</v></c>'
        '<c r="C1" t="str"><f>""</f><v></v></c><c r="D1" t="e"><f>NA()</f><v>#N/A</v></c>'
        '<c r="E1"><f>1+1</f><v></v></c><c r="F1" t="b"><f>1=1</f><v>1</v></c><c r="G1"/>'
        '<c r="H1"><f t="array" ref="H1">A1*2</f></c>'
        "</row></sheetData>"
    )
    assert cells(rewritten(whole, sheet(body)), tmp_path) == {
        "A1": Cell("A1", "2", Kind.NUMBER),
        "B1": Cell("B1", "wt", Kind.TEXT),
        "D1": Cell("D1", "#N/A", Kind.ERROR),
        "E1": Cell("E1", "=1+1", Kind.UNCOMPUTED),
        "F1": Cell("F1", "TRUE", Kind.FLAG),
        "H1": Cell("H1", "=A1*2", Kind.UNCOMPUTED),
    }


def test_formulas_that_are_yet_to_be_computed_have_no_value(tmp_path: Path, uncomputed: bytes) -> None:
    body = '<sheetData><row r="1"><c r="A1"><f>24+2</f><v>0</v></c><c r="B1"><v>7</v></c></row></sheetData>'
    data = rewritten(uncomputed, sheet(body))
    for asked in (b'"1"', b"'true'"):
        found = cells(patched(data, "xl/workbook.xml", b'fullCalcOnLoad="1"', b"fullCalcOnLoad=" + asked), tmp_path)
        assert found == {"A1": Cell("A1", "=24+2", Kind.UNCOMPUTED), "B1": Cell("B1", "7", Kind.NUMBER)}
    found = cells(patched(data, "xl/workbook.xml", b'fullCalcOnLoad="1"', b'fullCalcOnLoad="0"'), tmp_path)
    assert found["A1"] == Cell("A1", "0", Kind.NUMBER)


@pytest.mark.parametrize("text", ["wt_x000D_", "wt\u200b", "\ufeffwt", "w\u00adt", "\u200ewt_x000D__x000A_ "])
def test_what_is_not_seen_in_a_cell_makes_no_other_value(tmp_path: Path, whole: bytes, text: str) -> None:
    body = f'<sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>{text}</t></is></c></row></sheetData>'
    assert cells(rewritten(whole, sheet(body)), tmp_path) == {"A1": Cell("A1", "wt", Kind.TEXT)}


@pytest.mark.parametrize("text", ["#N/A", "#REF!", "#NV", "#WERT!", "Err:502", "Loading...", "########"])
def test_an_error_that_is_kept_as_text_is_one(tmp_path: Path, whole: bytes, text: str) -> None:
    body = f'<sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>{text}</t></is></c></row></sheetData>'
    assert cells(rewritten(whole, sheet(body)), tmp_path) == {"A1": Cell("A1", text, Kind.ERROR)}


_MERGED = '<mergeCells count="1"><mergeCell {} /></mergeCells>'


@pytest.mark.parametrize("ref", ['ref="A1:B2"', "ref='A1:B2'", 'ref = "A1:B2"', "ref\n=\n'A1:B2'"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_merged_cells_are_found_in_whatever_way_they_are_written(
    tmp_path: Path, whole: bytes, ref: str, encoding: str
) -> None:
    body = '<sheetData><row r="1"><c r="A1"><v>7</v></c></row></sheetData>' + _MERGED.format(ref)
    ((part, content),) = sheet(body).items()
    assert content
    xml = f'<?xml version="1.0" encoding="{encoding}"?>{content.decode()}'.encode(encoding)
    path = tmp_path / "book.xlsx"
    path.write_bytes(rewritten(whole, {part: xml}))
    assert set(workbooks.read(path)[0].cells) == {(1, 1), (1, 2), (2, 1), (2, 2)}


def test_a_strict_workbook_is_named_as_one(tmp_path: Path, whole: bytes) -> None:
    usual, strict = (
        b"http://schemas.openxmlformats.org/spreadsheetml/2006/main",
        b"http://purl.oclc.org/ooxml/spreadsheetml/main",
    )
    data = patched(whole, "xl/workbook.xml", usual, strict)
    assert "a Strict workbook. Save it as Excel Workbook (.xlsx)" in refused(data, tmp_path)


@pytest.mark.parametrize("part", ["workbook", "worksheets/sheet1", "sharedStrings", "styles", "theme/theme1"])
@pytest.mark.parametrize("content", [None, b"", b"<not", b'<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>'])
def test_a_workbook_that_lacks_a_part_or_has_it_damaged_is_refused(
    tmp_path: Path, whole: bytes, part: str, content: bytes | None
) -> None:
    data = rewritten(whole, {f"xl/{part}.xml": content})
    if content and b"ENTITY" in content:
        assert f"its xl/{part}.xml defines entities" in refused(data, tmp_path)
    elif part in {"workbook", "worksheets/sheet1"}:
        assert "not a whole workbook" in refused(data, tmp_path)
    elif content is None:
        assert cells(data, tmp_path) == cells(whole, tmp_path), "decoration has no values in it"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255), cut=st.booleans())
def test_spoilt_bytes_are_refused_or_change_nothing(
    tmp_path: Path, whole: bytes, place: float, byte: int, cut: bool
) -> None:
    at = int(place * len(whole))
    path = tmp_path / "book.xlsx"
    path.write_bytes(whole[:at] + (b"" if cut else bytes([byte]) + whole[at + 1 :]))
    with contextlib.suppress(ContentError):
        found = workbooks.read(path)
        (tmp_path / "whole.xlsx").write_bytes(whole)
        assert found == workbooks.read(tmp_path / "whole.xlsx")


def test_text_that_is_kept_elsewhere_is_needed(tmp_path: Path, whole: bytes) -> None:
    body = '<sheetData><row r="1"><c r="A1" t="s"><v>0</v></c></row></sheetData>'
    assert "not a whole workbook" in refused(rewritten(whole, sheet(body)), tmp_path)


def test_links_to_other_files_are_not_followed(tmp_path: Path, whole: bytes) -> None:
    path = write(tmp_path / "book.xlsx", {"genotype": rows(["well", "dye"], ["A01", "x"])})
    shutil.copy(path, tmp_path / "other.xlsx")
    body = '<sheetData><row r="1"><c r="A1"><f>[1]genotype!A1</f><v>7</v></c></row></sheetData>'
    assert cells(rewritten(whole, sheet(body)), tmp_path) == {"A1": Cell("A1", "7", Kind.NUMBER)}
