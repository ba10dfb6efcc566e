"""What is asked of a table at a commit: `rows of 20240418`, `share with use_embryo_flag`, `area_um2 of SNIP`."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.base.suggest import suggest
from morphseq_manifest.cohort.manifests.cohort_manifest import CohortManifest, Contribution

_FORM = re.compile(
    r"(?P<share>share with )?(?P<name>\w+)(?: of (?:(?:snip|embryo|well|experiment) )?(?P<subject>[\w.-]+))?"
    r"(?:\s*(?P<sign>==|!=|<=|>=|<|>)\s*(?P<bound>[^\s].*))?"
)
EXPECTED = (
    "Expected something like `rows of 20240418`, `share with use_embryo_flag`, `area_um2 of 20240418_A01_e01_t0000`, "
    "or one of these compared with a value, `rows < 700000`"
)
# What a manifest says of a whole table, and what it has to be added up for.
_OF_TABLE = ("rows", "columns", "hash", "model", "coverage")
_SUMS = ("embryos", "wells", "frames", "with_latents")
_MAPPINGS = {"versions", "blank", "funnel", "reasons"}
_OF_EXPERIMENT = tuple(name for name in Contribution.__struct_fields__ if name not in _MAPPINGS)


class Quantity(msgspec.Struct, frozen=True):
    """A name, of a table or a `subject`, an experiment or a row; compared with `bound` if there is a `sign`.

    With `is_share` it is the share of rows in which the column of that name is True.
    """

    name: str
    subject: str | None = None
    is_share: bool = False
    sign: str = ""
    bound: str = ""

    def needs_rows(self, manifest: CohortManifest) -> bool:
        """Whether the table itself must be read: its manifest does not tell it."""
        return self.is_share or self.told_by(manifest) is UNTOLD

    def told_by(self, manifest: CohortManifest) -> Any:
        """What a manifest says of it; None of an experiment that is not in the table, UNTOLD if it says nothing."""
        if self.is_share:
            return UNTOLD
        if self.subject is None:
            return self._of_table(manifest)
        part = manifest.experiments.get(self.subject)
        if part is None:
            is_known = self.name in _OF_EXPERIMENT and self.experiment(manifest) is None
            return None if is_known else UNTOLD
        if self.name in _OF_EXPERIMENT or self.name == "coverage":
            return getattr(part, self.name)
        counts = part.funnel | part.reasons
        return counts.get(self.name, UNTOLD)

    def _of_table(self, manifest: CohortManifest) -> Any:
        if self.name == "experiments":
            return len(manifest.experiments)
        if self.name in _OF_TABLE:
            return getattr(manifest, self.name)
        if self.name in _SUMS:
            return sum(getattr(part, self.name) or 0 for part in manifest.experiments.values())
        counts = [part.funnel | part.reasons for part in manifest.experiments.values()]
        return sum(one.get(self.name, 0) for one in counts) if any(self.name in one for one in counts) else UNTOLD

    def experiment(self, manifest: CohortManifest) -> str | None:
        """The experiment that the subject is, or is a row of; None if the table has none such."""
        subject = self.subject or ""
        names = [name for name in manifest.experiments if subject == name or subject.startswith(f"{name}_")]
        return max(names, key=len, default=None)

    def as_asked(self, value: Any) -> Any:
        """The value itself, or whether it compares as asked."""
        return value if not self.sign or value is None else _compare(value, self.sign, self.bound)


class _Untold:
    """What a manifest says nothing of."""


UNTOLD = _Untold()


def parse(text: str) -> Quantity:
    """Read what is asked. Raises ConfigError if it is not of a form that is known."""
    match = _FORM.fullmatch(" ".join(text.split()))
    if match is None:
        raise ConfigError(f"--when {text!r}: can't be read. {EXPECTED}")
    found: Mapping[str, str | None] = match.groupdict()
    return Quantity(
        str(found["name"]), found["subject"], bool(found["share"]), found["sign"] or "", found["bound"] or ""
    )


def unknown(quantity: Quantity, columns: list[str]) -> ConfigError:
    """What to say of a name that is neither told by manifests nor a column."""
    known = [*columns, *_OF_TABLE, *_SUMS, *_OF_EXPERIMENT, "experiments"]
    if quantity.name in known:
        return ConfigError(f"--when: {quantity.name!r} of which row or experiment? {EXPECTED}")
    return ConfigError(f"--when: no column or count {quantity.name!r}. {EXPECTED}{suggest(quantity.name, known)}")


def _compare(value: Any, sign: str, bound: str) -> bool:
    """Compare as numbers if both are, else as texts."""
    try:
        pair: tuple[Any, Any] = float(value), float(bound)
    except ValueError:
        pair = str(value), bound.strip("'\"")
    order = int(pair[0] > pair[1]) - int(pair[0] < pair[1])
    return {"==": order == 0, "!=": order != 0, "<": order < 0, "<=": order < 1, ">": order > 0, ">=": order > -1}[sign]
