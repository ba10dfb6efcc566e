"""`python -m tests.faults.campaign`: tries all parts, for up to an hour; the same command goes on where it was."""

import itertools
import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path
from typing import NamedTuple

import click

from tests.faults.campaign.attempts import Attempt, guarded
from tests.faults.campaign.part import Part
from tests.faults.campaign.parts import PARTS

_JOURNALS = Path(".campaign")


class Tally(NamedTuple):
    """Of one part: how many kinds and attempts it has, how many were made, and how many found something."""

    kinds: int
    attempts: int
    made: int
    found: int


@click.command()
@click.argument("names", nargs=-1, metavar="[PART]...")
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed, other faults.")
@click.option("--minutes", type=float, default=60, show_default=True, help="Begin no attempt after so long.")
@click.option("-j", "--jobs", type=click.IntRange(1), default=2, show_default=True, help="Attempts at a time.")
@click.pass_context
def main(context: click.Context, names: tuple[str, ...], seed: int, minutes: float, jobs: int) -> None:
    """Try the PARTs of the campaign (all by default), and print a table: kinds, attempts, found.

    What was tried stands in .campaign/SEED.jsonl, and is not tried again. Exit status: 0 if all was tried and nothing
    found, 1 if something was found, 2 if not all was tried.
    """
    if unknown := sorted(set(names) - PARTS.keys()):
        raise click.UsageError(f"no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    until = time.monotonic() + 60 * minutes
    _JOURNALS.mkdir(exist_ok=True)
    journal = _JOURNALS / f"{seed}.jsonl"
    tallies = {}
    with tempfile.TemporaryDirectory(prefix="campaign-") as folder:
        for part in (PARTS[name] for name in names or PARTS):
            if why := part.hinders():
                click.echo(f"{part.name}: not tried: {why}", err=True)
                tallies[part.name] = Tally(0, 1, 0, 0)
            else:
                tallies[part.name] = campaign(part, Path(folder, part.name), seed, journal, until, jobs)
    click.echo(table(tallies))
    if any(tally.found for tally in tallies.values()):
        context.exit(1)
    context.exit(2 if any(tally.made < tally.attempts for tally in tallies.values()) else 0)


def campaign(part: Part, folder: Path, seed: int, journal: Path, until: float, jobs: int) -> Tally:
    """Try a part, as far as time allows, and say what is found as it is found."""
    prepared = folder / "prepared"
    prepared.mkdir(parents=True)
    part.prepare(prepared)
    rounds = part.rounds(prepared)
    planned = [Attempt(part.name, kind, number, seed) for kind, number in _by_turns(dict(rounds))]
    done = {attempt: found for attempt, found in recorded(journal) if attempt.part == part.name}
    waiting = iter([attempt for attempt in planned if attempt not in done])
    with ThreadPoolExecutor(jobs) as pool, journal.open("a", encoding="utf-8") as file:
        working = {
            pool.submit(guarded, attempt, prepared, folder): attempt for attempt in itertools.islice(waiting, jobs)
        }
        while working:
            for ended in wait(working, return_when=FIRST_COMPLETED).done:
                attempt, found = working.pop(ended), ended.result()
                done[attempt] = found
                file.write(json.dumps([*attempt, found]) + "\n")
                file.flush()
                if found:
                    click.echo(f"{part.name}, {attempt.kind}, round {attempt.number}: {shown(found)}")
                following = next(waiting, None) if time.monotonic() < until else None
                if following:
                    working[pool.submit(guarded, following, prepared, folder)] = following
    shutil.rmtree(folder)
    return Tally(len(rounds), len(planned), len(done), sum(bool(found) for found in done.values()))


def shown(found: list[str]) -> str:
    """What was found, for a terminal."""
    return "\n".join(found).replace("\x1b", "\\x1b").replace("\x07", "\\x07")


def _by_turns(rounds: dict[str, int]) -> Iterator[tuple[str, int]]:
    """All kinds once, then all that are tried again, and so on: whenever time is over, all had their share."""
    for number in range(max(rounds.values(), default=0)):
        yield from ((kind, number) for kind, many in rounds.items() if number < many)


def recorded(journal: Path) -> Iterator[tuple[Attempt, list[str]]]:
    """What was tried with this seed before."""
    if journal.exists():
        for line in journal.read_text(encoding="utf-8").splitlines():
            *attempt, found = json.loads(line)
            yield Attempt(*attempt), found


def table(tallies: dict[str, Tally]) -> str:
    """A line a part: kinds, attempts that were made and planned, and how many found something."""
    lines = [f"{'part':<8}{'kinds':>8}{'tried':>8}{'planned':>9}{'found':>8}"]
    lines += [f"{name:<8}{of.kinds:>8}{of.made:>8}{of.attempts:>9}{of.found:>8}" for name, of in tallies.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
