"""The default models: files of the repository, laid out as a data root, and the command that copies them into one."""

import filecmp
import shutil
from pathlib import Path

import click

from morphseq_manifest.base import files
from morphseq_manifest.base.console import Command, note
from stages.networks.model_folder import CONFIG

FOLDER = Path(__file__).parent / "models"


def folders(root: Path) -> list[Path]:
    """The model folders below `root`, relative to it, in order of their names."""
    return sorted(path.parent.relative_to(root) for path in root.rglob(CONFIG))


def copy_models(source: Path, data_root: Path) -> list[Path]:
    """Copy the models of `source` that are not in `data_root` as they are; returns which, relative to both.

    They take the place of earlier ones, none before all have been written.
    """
    other = [folder for folder in folders(source) if not _same(source / folder, data_root / folder)]
    with files.replacing_folders([data_root / folder for folder in other]) as places:
        for folder, place in zip(other, places, strict=True):
            for file in (source / folder).iterdir():
                shutil.copyfile(file, place / file.name)
    return other


def _same(one: Path, other: Path) -> bool:
    """Whether two folders of files hold the same."""
    names = sorted(path.name for path in one.iterdir())
    if not other.is_dir() or sorted(path.name for path in other.iterdir()) != names:
        return False
    return filecmp.cmpfiles(one, other, names, shallow=False)[0] == names


@click.command(cls=Command)
@click.argument("data_root", type=click.Path(file_okay=False, path_type=Path))
def main(data_root: Path) -> None:
    """Copy the default models into DATA_ROOT, in place of earlier ones."""
    copied = copy_models(FOLDER, data_root)
    for folder in folders(FOLDER):
        note(f"{folder.name}: {'copied' if folder in copied else 'there already, unchanged'}")


if __name__ == "__main__":
    main()
