"""What `morphseq adopt` shows: a row an experiment and a column a step; then what is to be known of each."""

from typing import Any

from morphseq_manifest.answers.adopt import report
from morphseq_manifest.answers.adopt.adopting import Adopted
from morphseq_manifest.base import display
from morphseq_manifest.base.display import Cell
from morphseq_manifest.cohort.ids import EXPERIMENT_FORM
from morphseq_manifest.cohort.lab_root import STEPS, Found, LabRoot, Standing

SCHEMA = "morphseq/adopt/1"


def show(found: LabRoot, as_json: bool) -> None:
    """Print what was found."""
    if as_json:
        display.show_json(SCHEMA, content(found))
        return
    rows = [
        {"experiment": name, **{step: Cell(steps[step].standing, steps[step].standing) for step in STEPS}}
        for name, steps in found.experiments.items()
    ]
    display.show_table(rows, title(found))
    for name, steps in found.experiments.items():
        for step, one in steps.items():
            _show_odd(f"{name}: {step}", one)
    _show_rest(found)


def show_adopted(found: LabRoot, became: Adopted, as_json: bool) -> None:
    """Print what became of it: a row an experiment, then why something was left."""
    if as_json:
        display.show_json(SCHEMA, content(found) | {"adopted": became, "exit_code": int(became.exit_code)})
        return
    rows = [
        {"experiment": name, **{step: _cell(f"{step}@{name}", steps[step], became) for step in STEPS}}
        for name, steps in found.experiments.items()
    ]
    counts = f"{len(became.stages)} results adopted, {len(became.already)} recorded before, {len(became.left)} left"
    display.show_table(rows, f"{display.counted(len(became.listed), 'experiment')} added, {counts}")
    for name, why in became.left.items():
        display.show(f"left: {name}: {why}")
    _show_rest(found)


def _cell(stage: str, one: Found, became: Adopted) -> Cell:
    if stage in became.stages:
        return Cell("adopted", Standing.WHOLE)
    return Cell("recorded" if stage in became.already else one.standing, one.standing)


def title(found: LabRoot) -> str:
    """How many experiments, and how many steps of each standing."""
    standings = [one.standing for steps in found.experiments.values() for one in steps.values()]
    counts = [f"{standings.count(standing)} {standing}" for standing in Standing if standing in standings]
    count = len(found.experiments)
    return f"{count} experiment{'s' * (count != 1)}: {', '.join(counts) or 'nothing is there'}"


def content(found: LabRoot) -> dict[str, Any]:
    """The same for programs."""
    return {
        "experiments": found.experiments,
        "tables": found.tables,
        "odd": found.odd,
        "exit_code": int(report.exit_code(found)),
    }


def _show_rest(found: LabRoot) -> None:
    for name, one in found.tables.items():
        _show_odd(name, one)
    for name in found.odd:
        display.show(f"not looked at: {name!r} can't be an id, which has {EXPERIMENT_FORM}")


def _show_odd(name: str, one: Found) -> None:
    if one.standing not in {Standing.WHOLE, Standing.MISSING} or one.told:
        display.show(f"{name}: {one.text}")
