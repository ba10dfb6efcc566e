"""docs/sharing.md: every command of the page runs, one after another, in a project in which all has run."""

from tests.docs.pages import commands
from tests.project import Project


def test_sharing(project: Project) -> None:
    """Where one goes to another folder, those after it are typed there."""
    typed = commands("sharing.md")
    assert len(typed) > 20
    for first, *words in typed:
        if first == "cd":
            project = Project((project.root / words[0]).resolve())
        else:
            project.run(first, *words)
