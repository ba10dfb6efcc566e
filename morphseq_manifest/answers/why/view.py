"""What `morphseq why` shows."""

from collections.abc import Iterator

import msgspec

from morphseq_manifest.answers.why import words
from morphseq_manifest.answers.why.explanation import Cause, Explanation
from morphseq_manifest.base import display

SCHEMA = "morphseq/why/1"
_SHOWN = 20
_STAGES = 4


def show(explanation: Explanation, as_json: bool) -> None:
    """Print an explanation."""
    if as_json:
        display.show_json(
            SCHEMA,
            {**msgspec.structs.asdict(explanation), "exit_code": int(explanation.exit_code)},
        )
        return
    display.show(explanation.title)
    for number, cause in enumerate(explanation.causes[:_SHOWN], 1):
        display.show(f"\n{number}. " + "\n   ".join(_lines(cause)))
    if len(explanation.causes) > _SHOWN:
        display.show(f"\nand {len(explanation.causes) - _SHOWN} more causes: --json has them all")
    if explanation.wells:
        display.show()
    for name, wells in list(explanation.wells.items())[:_SHOWN]:
        display.show(f"{name}: {wells}")
    if explanation.warnings:
        display.show()
        display.show_warnings(explanation.warnings)
    for line in explanation.code.lines():
        display.show(f"\n{line}")


def _lines(cause: Cause) -> Iterator[str]:
    yield words.describe(cause.change)
    yield from (f"  {word:<4} {value}" for word, value in words.was_and_is(cause.change))
    if len(cause.stages) > 1:
        more = ", ..." if len(cause.stages) > _STAGES else ""
        yield f"  for {display.counted(len(cause.stages), 'stage')}: {', '.join(cause.stages[:_STAGES])}{more}"
    yield "  " + " -> ".join(cause.way)
