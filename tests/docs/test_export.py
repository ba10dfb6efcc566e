"""docs/export.md: every command of the page runs, one after another, in a project in which all has run."""

from tests.docs.pages import commands
from tests.project import Project


def test_export(project: Project) -> None:
    typed = commands("export.md")
    assert len(typed) > 5
    for words in typed:
        project.run(*words)
