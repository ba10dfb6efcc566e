"""docs/history.md: every command of the page runs, one after another, in a project in which all has run."""

from tests.docs.pages import commands
from tests.project import Project

# Both say that something differs, or has not changed.
_TELLS = {"diff", "bisect"}


def test_history(project: Project) -> None:
    typed = commands("history.md")
    assert len(typed) > 12
    for words in typed:
        code, output = project.ending(*words)
        assert code in ({0, 1} if words[1] in _TELLS else {0}), (words, output)
