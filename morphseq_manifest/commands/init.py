"""`morphseq init`."""

import os
from pathlib import Path, PurePath

import click

from morphseq_manifest.base.console import Command, examples, note

# Where each shell reads a line of one's own, and the line.
_COMPLETION = {
    "bash": ("~/.bashrc", 'eval "$(_MORPHSEQ_COMPLETE=bash_source morphseq)"'),
    "zsh": ("~/.zshrc", 'eval "$(_MORPHSEQ_COMPLETE=zsh_source morphseq)"'),
    "fish": ("~/.config/fish/config.fish", "_MORPHSEQ_COMPLETE=fish_source morphseq | source"),
}


@click.command(cls=Command, epilog=examples("morphseq init"))
@click.pass_obj
def init(root: Path) -> None:
    """Set up a clone: git then merges what several people have done.

    Tells git to merge params.yaml, dvc.yaml, dvc.lock and the manifests with `morphseq merge-driver`: in the
    configuration of this clone, and in .gitattributes if that does not name them yet. Prints the line with which your
    shell completes the names of commands and options. Type it once in each clone, and again if its environment moves.
    """
    from morphseq_manifest.cohort import sharing

    for line in sharing.set_up(root):
        note(line)
    shell = PurePath(os.environ.get("SHELL", "")).name
    if shell in _COMPLETION:
        place, line = _COMPLETION[shell]
        note(f"to complete commands with Tab, put this line into {place}:\n  {line}")
