"""What a row is made from, and which commit last changed each of it: from git and what is recorded there alone."""

from pathlib import Path

import msgspec

from morphseq_manifest.answers import changes
from morphseq_manifest.answers.blame import changed
from morphseq_manifest.answers.blame.cause import Cause
from morphseq_manifest.answers.blame.moment import Moment
from morphseq_manifest.answers.blame.row_id import RowId
from morphseq_manifest.answers.blame.side import Side
from morphseq_manifest.answers.blame.tracing import Tracing
from morphseq_manifest.answers.changes import Change
from morphseq_manifest.base import git, git_history
from morphseq_manifest.base.errors import ExitCode
from morphseq_manifest.base.git_history import Commit


class Blame(msgspec.Struct, frozen=True):
    """What was asked about, and all that it depends on, or what of that is not as it was at the commit `since`.

    `tables`: of those that have the experiment, the hash of its rows, or how that has changed. `commits` by full id;
    `oldest` are those at which a shallow clone ends: it may have been an older one. `missing` is what can't be told.
    """

    id: str
    row: RowId
    where: str
    commit: str | None
    since: str | None
    causes: list[Cause]
    tables: list[Change]
    commits: dict[str, Commit]
    oldest: list[str]
    missing: list[str]

    @property
    def exit_code(self) -> ExitCode:
        """0 if all could be told, else 4."""
        return ExitCode.UNREADABLE if self.missing else ExitCode.OK


def blame(name: str, root: Path | str = ".", rev: str | None = None, since: str | None = None) -> Blame:
    """What the snip, embryo, well, frame or experiment `name` depends on, in the working tree or at the commit `rev`.

    With `since`, what of that is not as it was at that commit. Raises ConfigError for an id or a commit that nobody
    knows, UnreadableError if nothing is recorded of it yet, ContentError for damaged records.
    """
    root = Path(root)
    place = git_history.place(root)
    with git_history.objects(root) as read:
        moment = Moment(root, "HEAD" if rev is None and place.is_bare else rev, read, place.prefix)
        row = moment.find(name)
        new = Side(moment, row.experiment)
        old = Side(Moment(root, since, read, place.prefix), row.experiment) if since is not None else None
        traced = Tracing(row, [side for side in (new, old) if side], read, place)
        found = traced.facts(new)
        if old:
            causes = [traced.cause(fact, was) for fact, was in changed.changes(traced.facts(old), found)]
        else:
            causes = [traced.cause(fact) for fact in found]
    used = {commit for cause in causes for commit in cause.commits()}
    return Blame(
        id=name,
        row=row,
        where=moment.label,
        commit=moment.commit,
        since=old.moment.commit if old else None,
        causes=causes,
        tables=changes.compare("rows", old.tables if old else {}, new.tables),
        commits=git_history.commits(root, used),
        oldest=sorted(used & git.shallow(root)) if place.is_shallow else [],
        missing=list(dict.fromkeys(traced.missing)),
    )
