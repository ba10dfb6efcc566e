"""What is to be run, and how."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

Edit = Callable[[Path], Mapping[Path, bytes]]


class Options(msgspec.Struct, frozen=True):
    """What is to be run, and how.

    `targets`: stages or groups, all if none; `keys`: of groups, only the stages of these items (None: of all). `force`:
    the targets even if up to date, and nothing before them. `edit` gives the content of files to write first, such as
    params.yaml with another setting. `jobs`: stages to run at once (as many as there are CPU cores, or the cluster has
    places); `share`: stages at once on one GPU. `wait`: how long to wait for another process that works on the
    project, in seconds. `asked`: the same in words, for the journal of runs. `folder`: that in which it was asked, from
    the project's.
    """

    targets: Sequence[str] = ()
    keys: Sequence[str] | None = None
    force: bool = False
    with_downstream: bool = False
    edit: Edit | None = None
    jobs: int | None = None
    share: int = 1
    fail_fast: bool = False
    wait: float = 0
    asked: Sequence[str] = ()
    folder: str = ""

    def edits(self, root: Path) -> Mapping[Path, bytes]:
        """The content of the files to write first."""
        return self.edit(root) if self.edit else {}
