"""An answer as a Python object: a table for pandas, and one to look at in a notebook."""

from typing import TYPE_CHECKING, Any

from morphseq_manifest.base import display
from morphseq_manifest.base.outcomes import Outcome

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, Any]


class Answer:
    """What a question came to; `to_frame()` gives it as a DataFrame, and a notebook shows it as a table."""

    __slots__ = ()

    def records(self) -> list[Row]:
        """The answer as rows, by column."""
        raise NotImplementedError

    def shown(self) -> tuple[str, list[Row]]:
        """The title and the rows that a person sees."""
        raise NotImplementedError

    def to_frame(self) -> "pd.DataFrame":
        """The answer as a DataFrame."""
        import pandas as pd

        return pd.DataFrame([{name: _plain(value) for name, value in row.items()} for row in self.records()])

    def _repr_html_(self) -> str:
        title, rows = self.shown()
        return display.html_table(rows, title)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Outcome) else value
