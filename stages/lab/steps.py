"""What is there of each step of an experiment in a data root of the lab, and how it fits what it was made from."""

from collections.abc import Collection, Iterable

from morphseq_manifest.base.errors import MorphseqError, UnreadableError, described
from morphseq_manifest.cohort import row_keys
from morphseq_manifest.cohort.ids import frame_key
from morphseq_manifest.cohort.lab_root import STEPS, Found, Standing
from stages.files import layout
from stages.lab import keys, listings
from stages.lab.keys import PlateKeys, SnipKeys
from stages.lab.listings import Frames
from stages.lab.places import DataRoot

# Without these columns of a build03 table, df02 can tell nothing of its rows.
_READ_BY_DF02 = (
    "embryo_id",
    *row_keys.FRAME_KEY,
    *("surface_area_um", "predicted_stage_hpf", "fraction_alive", "dead_flag", "sam2_qc_flag", "Time Rel (s)"),
)


class Experiment:
    """One experiment in a data root: each of its steps, looked at in the order of STEPS, is held against those before.

    `frames` are those with a file or a row, `taken` those with a file (or else a row); `masked` have a label image.
    """

    def __init__(self, root: DataRoot, name: str) -> None:
        self._name, self._root = name, root
        self._plate = PlateKeys(set(), [], set())
        self.frames: set[Frames] = set()
        self.taken: set[Frames] = set()
        self.masked: set[Frames] | None = None
        self._sam2: dict[str, Frames | None] | None = None
        self._build03: dict[str, Frames | None] | None = None

    def look(self) -> dict[str, Found]:
        """What is there of each step; what can't be read is one that is unreadable, and spoils no other."""
        return {step: self._look_at(step) for step in STEPS}

    def _look_at(self, step: str) -> Found:
        try:
            found: Found = getattr(self, f"_{step}_step")()
        except UnreadableError as error:
            return Found(Standing.UNREADABLE, told=[str(error)])
        except MorphseqError as error:
            return Found(Standing.CONTRADICTORY, told=[str(error)])
        except OSError as error:
            return Found(Standing.UNREADABLE, told=[described(error)])
        return found

    def _images_step(self) -> Found:
        folder, table = self._root.at(layout.FRAMES / self._name), self._root.at(layout.plate_table(self._name))
        listing = listings.look([folder], frame_key)
        frames = set(listing.files)
        self.frames, self.taken = frames, frames
        if table.exists():
            self._plate = keys.of_plate(table)
            self.frames, self.taken = frames | self._plate.frames, frames or self._plate.frames
        if not frames and not table.exists():
            return _missing(listing)
        rows = self._plate.frames
        faults = listing.again + [f"{table.name}: two rows of {well} {time}" for well, time in self._plate.again]
        if not table.exists():
            return _judged(f"{len(frames):,} frames, no plate table", faults, True, listing.told())
        unfit = len(rows ^ frames) / max(len(rows), 1)
        notes = listing.told() + ([f"{len(frames - rows):,} frames without a row"] if frames - rows else [])
        amount = f"{_share(len(frames & rows), len(rows), 'frames')}{_wells(frames, rows)}"
        return _judged(amount, faults, unfit > self._root.most_unfit or not frames, notes)

    def _qc_masks_step(self) -> Found:
        found = {
            network: listings.masks(self._root.at(layout.predictions(network, self._name)))
            for network in self._root.networks
        }
        if not any(listing.files for listing in found.values()):
            return _missing(*found.values())
        have, faults, notes = 0, list[str](), list[str]()
        for network, listing in found.items():
            there = set(listing.files)
            have += len(there & self.taken)
            faults += [f"{network}: {told}" for told in listing.again + self._strange(there, "masks")]
            notes += [f"{network}: {told}" for told in listing.told()]
            if self.taken - there:
                told = f"{_share(len(there & self.taken), len(self.taken), 'masks')}{_wells(there, self.taken)}"
                notes.append(f"{network}: {told}")
        needed = len(self.taken) * len(found)
        return _judged(_share(have, needed, "masks"), faults, have < needed, notes)

    def _sam2_step(self) -> Found:
        listing = listings.masks(self._root.at(layout.LABELS / self._name))
        table = self._root.at(layout.sam2_table(self._name))
        there = set(listing.files)
        if not there and not table.exists():
            return _missing(listing)
        self.masked = there
        amount = f"{_share(len(there & self.taken), len(self.taken), 'masks')}{_wells(there, self.taken)}"
        faults = listing.again + self._strange(there, "masks")
        if not table.exists():
            return _judged(f"{amount}, no table", faults, True, listing.told())
        rows = keys.of_snips(table, self._name, "experiment_id", framed=True)
        self._sam2 = rows.frames
        faults += rows.faults + self._strange({frame for frame in rows.frames.values() if frame}, "rows of frames")
        if unmasked := [snip for snip, frame in rows.frames.items() if there and frame not in there]:
            faults += [f"{len(unmasked):,} rows without a mask, as {unmasked[0]}"] if self.taken <= there else []
        return _judged(f"{amount}, {len(rows.frames):,} rows", faults, bool(self.taken - there), listing.told())

    def _build03_step(self) -> Found:
        table = self._root.at(layout.build03_table(self._name))
        if not table.exists():
            return _missing()
        rows = keys.of_snips(table, self._name, "experiment_date", also=_READ_BY_DF02)
        self._build03 = rows.frames
        return self._against(rows, self._sam2, "rows", "the sam2 table")

    def _snips_step(self) -> Found:
        listing = listings.snips(self._root.at(layout.SNIPS / self._name))
        if not listing.files:
            return _missing(listing)
        rows = SnipKeys(dict.fromkeys(listing.files), listing.again)
        return self._against(rows, self._sam2 or self._build03, "snips", "the tables", listing.told())

    def _latents_step(self) -> Found:
        table = self._root.at(layout.latents_table(self._root.model, self._name))
        if not table.exists():
            return _missing()
        rows = keys.of_snips(table, self._name, "experiment_date")
        known = (
            None if self._sam2 is None and self._build03 is None else {**(self._sam2 or {}), **(self._build03 or {})}
        )
        return self._against(rows, known, "rows", "the tables")

    def _against(
        self,
        rows: SnipKeys,
        known: dict[str, Frames | None] | None,
        unit: str,
        source: str,
        notes: list[str] | None = None,
    ) -> Found:
        """Hold what is there of each snip against those that are known; of wells to leave out, none need be there."""
        there = rows.frames.keys()
        if known is None:
            unheld = "nothing is there to hold it against"
            return _judged(f"{len(there):,} {unit}", rows.faults, True, [*(notes or []), unheld])
        faults, notes = list(rows.faults), list(notes or [])
        if rows.lacking:
            notes.append(f"lacks the column(s) {', '.join(map(repr, rows.lacking))}, which df02 reads")
        if strange := [snip for snip in there if snip not in known]:
            faults.append(f"{len(strange):,} {unit} of snips that {source} do not have, as {strange[0]}")
        needed = {snip for snip, frame in known.items() if frame is None or frame[0] not in self._plate.flagged}
        have = needed & there
        amount = _share(len(have), len(needed), unit)
        wells = [{snip.rsplit("_", 3)[-3] for snip in some if snip.count("_") >= 3} for some in (have, needed)]
        return _judged(f"{amount}{_of_wells(*wells)}", faults, len(have) < len(needed) or bool(rows.lacking), notes)

    def _strange(self, there: Collection[Frames], what: str) -> list[str]:
        """What is there of frames that have neither a file nor a row."""
        strange = sorted(set(there) - self.frames) if self.frames else []
        return [f"{len(strange):,} {what} that are not there, as {strange[0][0]} {strange[0][1]}"] if strange else []


def _judged(amount: str, faults: list[str], is_half: bool, notes: list[str]) -> Found:
    standing = Standing.CONTRADICTORY if faults else Standing.HALF if is_half else Standing.WHOLE
    return Found(standing, amount, [*faults, *notes])


def _missing(*found: "listings.Listing[Frames] | listings.Listing[str]") -> Found:
    """Nothing is there; if files of other names are, or empty ones, that is told."""
    told = [text for listing in found for text in listing.told()]
    return Found(Standing.HALF if told else Standing.MISSING, told=told)


def _share(have: int, needed: int, unit: str) -> str:
    return f"{have:,} {unit}" if have == needed else f"{have:,} of {needed:,} {unit}"


def _wells(have: Iterable[Frames], needed: Iterable[Frames]) -> str:
    wells = {well for well, _ in needed}
    return _of_wells({well for well, _ in have} & wells, wells)


def _of_wells(have: set[str], needed: set[str]) -> str:
    return f" in {len(have)}{f' of {len(needed)}' if len(have) < len(needed) else ''} wells"
