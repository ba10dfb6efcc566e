"""What a stage has made, as this machine sees it, once that is what the machine saw that wrote it."""

import time
from collections.abc import Mapping

from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.tracker.disk.content import Content
from morphseq_manifest.tracker.disk.workspace import Workspace
from morphseq_manifest.tracker.dvc.stages import Stage

# Shared storage may show for so long what was there before.
_LATE_S, _AGAIN_S = 60.0, 0.5


def contents(
    workspace: Workspace, stage: Stage, made: Mapping[str, Mapping[str, tuple[int, str]]]
) -> Mapping[str, Content]:
    """What is at the stage's outputs; `made` are the size and md5 of each file that another machine has written.

    Raises ContentError if after a minute they are not the same: what is seen is then not recorded.
    """
    until = time.monotonic() + _LATE_S
    while True:
        found = workspace.look_again(out.path for out in stage.outs)
        wrong = [path for path, listed in made.items() if not _is_same(workspace, path, found[path], listed)]
        if not wrong:
            return found
        if time.monotonic() > until:
            raise ContentError(
                f"{', '.join(wrong)}: seen here otherwise than on the node that wrote it, for {_LATE_S:.0f} s. "
                "Is the storage the same? Run it again"
            )
        time.sleep(_AGAIN_S)


def _is_same(workspace: Workspace, path: str, found: Content, listed: Mapping[str, tuple[int, str]]) -> bool:
    """Whether what is found at a path is what was listed; files that DVC ignores are listed, too."""
    if found.md5 is None:
        return not listed
    if found.nfiles is None:
        return "" in listed and listed[""] == (found.size, found.md5)
    here = {name: known.md5 for name, known in workspace.members(path).items()}
    return here == {name: md5 for name, (_, md5) in listed.items() if not workspace.ignore.leaves_out(f"{path}/{name}")}
