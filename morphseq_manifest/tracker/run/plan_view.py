"""What `morphseq run --dry-run` shows: what would run, why, and what it will take."""

from collections.abc import Sequence
from typing import Any

from morphseq_manifest.base import display
from morphseq_manifest.tracker.run.forecast import Forecast
from morphseq_manifest.tracker.run.prediction import Expected
from morphseq_manifest.tracker.run.view import SHOWN, duration

SCHEMA = "morphseq/plan/1"


def show(
    rows: list[dict[str, Any]],
    stages: int,
    undated: list[str],
    as_json: bool,
    forecast: Forecast | None = None,
    warnings: Sequence[str] = (),
) -> None:
    """Print what of so many `stages` would run, and take; of many, those of a group with the same reason in one line.

    `warnings` are for programs: people are told them elsewhere.
    """
    expected = forecast.expected if forecast else {}
    if as_json:
        told = [{**row, "expected": _numbers(expected.get(row["stage"]))} for row in rows]
        content = {"stages": told, "expected": _all_numbers(forecast), "undated": undated, "warnings": warnings}
        display.show_json(SCHEMA, content)
        return
    runs = sum(row["plan"] == "runs" for row in rows)
    count = display.counted(stages, "stage")
    title = f"{count}: {runs} would run, {len(rows) - runs} may, {stages - len(rows)} are up to date"
    timed = [{**row, "expected": one.seconds if (one := expected.get(row["stage"])) else None} for row in rows]
    shown = timed if len(timed) <= SHOWN else _by_group(timed)
    display.show_table([_planned(row, forecast) for row in shown[:SHOWN]], title)
    if len(shown) > SHOWN:
        display.show(f"and {len(shown) - SHOWN} more lines like these; --json names every stage")
    if forecast and forecast.is_known:
        display.show(f"\nexpected: {in_words(forecast)}")
    if undated:
        display.show(f"\nundated, and so left out: {', '.join(undated)}")


def _planned(row: dict[str, Any], forecast: Forecast | None) -> dict[str, Any]:
    """The row of a stage as it is shown, with what it is expected to take if that is known of any."""
    seconds, why = row["expected"], {"why": row["why"]}
    told = {"expected": None if seconds is None else duration(seconds)} if forecast and forecast.is_known else {}
    return {"stage": row["stage"], "plan": row["plan"], **told, **why}


def in_words(forecast: Forecast) -> str:
    """What a run will take, in one line."""
    parts = [f"{duration(forecast.seconds)} with {forecast.jobs} jobs, {duration(forecast.cpu)} of processors"]
    if forecast.gpu is not None:
        parts[0] += f", {duration(forecast.gpu)} of GPUs"
    if forecast.memory is not None:
        parts.append(f"{display.amount(forecast.memory)} of memory at once")
    parts.append(f"{display.amount(forecast.written)} of outputs")
    parts += [
        f"{display.amount(disk.needed)} more on the disk of {disk.place}, {display.amount(disk.free)} free"
        for disk in forecast.disks
        if disk.needed
    ]
    if forecast.unknown:
        parts.append(f"{display.counted(forecast.unknown, 'stage')} not known, and not counted")
    return "; ".join(parts)


def _numbers(expected: Expected | None) -> dict[str, Any] | None:
    """What a stage will take, for programs: seconds, and bytes."""
    if expected is None:
        return None
    return {
        "seconds": round(expected.seconds, 3), "cpu": _rounded(expected.cpu), "gpu": _rounded(expected.gpu),
        "memory": expected.memory, "written": expected.written,
    }  # fmt: skip


def _all_numbers(forecast: Forecast | None) -> dict[str, Any] | None:
    """The same of all stages, with the disks."""
    if forecast is None or not forecast.is_known:
        return None
    return {
        "jobs": forecast.jobs, "seconds": round(forecast.seconds, 3), "cpu": _rounded(forecast.cpu),
        "gpu": _rounded(forecast.gpu), "memory": forecast.memory, "written": forecast.written,
        "unknown": forecast.unknown, "disks": forecast.disks,
    }  # fmt: skip


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def _by_group(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of one group that have the same plan for the same reason, as one; without what differs by key."""
    alike: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in rows:
        group, _, key = row["stage"].partition("@")
        why = row["why"].replace(key, "*") if key else row["why"]
        alike.setdefault((group, row["plan"], why), []).append(row)
    return [
        {**some[0], "stage": f"{group}: {len(some)} stages", "why": why, "expected": _sum(some)}
        if len(some) > 1
        else some[0]
        for (group, _, why), some in alike.items()
    ]


def _sum(rows: list[dict[str, Any]]) -> float | None:
    known = [row["expected"] for row in rows if row["expected"] is not None]
    return sum(known) if known else None
