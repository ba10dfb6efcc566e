"""docs/moving-a-lab.md: every command on the page is run, in its order, on a data root of a lab."""

from pathlib import Path

from tests.docs.pages import commands
from tests.lab_root import LabRoot
from tests.project import Project

_ROOT, _EXPERIMENT = "/storage/lab", "20250401"


def test_every_command_of_the_page_does_what_it_says(fresh: Project, tmp_path: Path) -> None:
    root = LabRoot(tmp_path / "lab")
    root.write(_EXPERIMENT)
    before = root.files()
    fresh.experiments({})
    typed = commands("moving-a-lab.md")
    assert len(typed) > 3
    for words in typed:
        command = " ".join(words)
        code, output = fresh.ending(*(word.replace(_ROOT, str(root.path)) for word in words))
        # What else may be unusual in a project is another matter than what was adopted.
        assert code == 0 or command == "morphseq status", f"{command} ended with {code}:\n{output}"
        if command.startswith("morphseq status"):
            assert "adopted" in output
        elif command.startswith("morphseq provenance"):
            assert "qc_masks, sam2, build03" in output
    assert fresh.manifest("df03").rows > 0
    assert "adopted" not in fresh.morphseq("provenance", "df03").partition(_EXPERIMENT)[2].replace("sam2", "")
    assert root.files() == before
