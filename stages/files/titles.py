"""What a title means, over a column or on a workbook's sheet: a variable of the cohort, one of its own, or neither."""

import difflib
import re

from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.cohort import columns
from morphseq_manifest.cohort.columns import Column, Source

# How a spreadsheet calls a sheet that nobody has named, in its languages.
_SHEET = (
    r"(?:sheet|tabelle(?:nblatt)?|blatt|feuil(?:le)?|hoja|foglio|blad|ark|planilha|plan|p[aá]gina|folha|foaie|list|h[aá]rok|"
    r"arkusz|munka(?:lap)?|sayfa|taul(?:ukko)?|lapas|leht|φύλλο|лист|аркуш|工作表|シート|시트|trang\s*tính)"
)
_UNNAMED = re.compile(rf"{_SHEET}\s*\d*(?:\s*\(\d+\))?", re.IGNORECASE)
_COPY = re.compile(r"(?:copy of|kopie von|kopie van|copie de|copia de|copia di|cópia de)\s+", re.IGNORECASE)
_BRACKET = re.compile(r"[(\[]([^)\]]*)[)\]]")
_UNITS = {
    "start_age_hpf": {"hpf", "h", "hr", "hrs", "hour", "hours", "hours post fertilization", "hours post fertilisation"},
    "temperature": {"°c", "ºc", "c", "℃", "degc", "deg c", "deg. c", "degrees c", "celsius", "degrees celsius"},
}
_OTHER_UNITS = {"d", "day", "days", "dpf", "wpf", "weeks", "min", "s", "f", "fahrenheit", "k", "kelvin"}
# Shorter names are near to too many words: `stain` to `strain`.
_LEAST_LETTERS, _NEAR, _MOST_MORE = 6, 0.83, 2


def variable(title: str, where: str) -> Column | None:
    """The variable that a title names, however it is written; None if it is none.

    `where` is for messages. Raises ContentError if the title says more, such as a unit that is not the column's.
    """
    column = columns.variable(title)
    if column:
        return column
    named, said = _BRACKET.sub(" ", title), [found.strip() for found in _BRACKET.findall(title)]
    column = columns.variable(named)
    if column is None:
        named, _, last = columns.plain(title).rpartition("_")
        column, said = columns.variable(named), [last]
        if not column or last not in _UNITS.get(column.name, set()) | (_OTHER_UNITS if column.unit else set()):
            return None
    other = next((one for one in said if one.lower() not in _UNITS.get(column.name, set())), None)
    if other is None:
        return column
    if column.unit:
        raise ContentError(
            f"{where}: {title!r} is in {other}, expected {column.unit}. Write it in {column.unit}, as {column.name!r}"
        )
    raise ContentError(
        f"{where}: what {other!r} says of {column.name} in {title!r} is not known. Call it {column.name!r}, or by "
        "another name if it is something else"
    )


def meant(title: str) -> Column | None:
    """The variable that a title may mean, in whatever spelling or unit; None if it means none."""
    return columns.variable(title) or columns.variable(_BRACKET.sub(" ", title)) or _near(title)


def check_own(title: str, where: str) -> None:
    """Raise ContentError if a title that is no variable's is nobody's, or a misspelt one."""
    bare = _COPY.sub("", title).strip()
    if _UNNAMED.fullmatch(bare):
        raise ContentError(f"{where}: holds a plate, and its name says no variable. Name the sheet, such as `genotype`")
    near = meant(bare)
    if near:
        raise ContentError(
            f"{where}: {title!r} is no variable that is known. Did you mean {near.name!r}? If not, call it otherwise"
        )


def _near(title: str) -> Column | None:
    """The variable of which a title is a misspelling, or the plural; None if it is of none."""
    name = columns.plain(title)
    for column in columns.of(Source.PLATE):
        for known in column.in_workbook:
            if name == f"{known}s" or _is_misspelt(name, known):
                return column
    return None


def _is_misspelt(name: str, known: str) -> bool:
    if min(len(name), len(known)) < _LEAST_LETTERS or abs(len(name) - len(known)) > _MOST_MORE:
        return False
    if name.startswith(f"{known}_"):  # such as `treatment_2`
        return False
    return difflib.SequenceMatcher(None, name, known).ratio() >= _NEAR
