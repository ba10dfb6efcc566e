"""README's samples are what the commands print; its tables of states, and CONTRIBUTING.md's, are what the code says.

`RENEW=1 python -m pytest tests/docs/test_readme.py` writes the samples anew.
"""

import os
import re

import pytest

from morphseq_manifest.answers.code import versions
from morphseq_manifest.answers.provenance.membership import Membership
from morphseq_manifest.base.outcomes import Outcome
from morphseq_manifest.tracker.freshness.steps import State
from tests.project import PLATES, REPOSITORY, Project

README = REPOSITORY / "README.md"
TIME_LAPSE, SNAPSHOT, _ = PLATES
# A block of the page that begins with a command and shows what it prints.
_SAMPLE = re.compile(r"```console\n\$ (morphseq [^\n]*)\n(.*?)```", re.DOTALL)


def samples() -> list[tuple[str, str]]:
    """The commands of the page with what they print, in order."""
    found = _SAMPLE.findall(README.read_text(encoding="utf-8"))
    return [(command, shown) for command, shown in found if shown]


def edited(project: Project) -> None:
    """A frame and a setting have changed."""
    project.change_pixel(SNAPSHOT, "A01_t0000_stitch.png", 5, 7)
    project.setting("blend_um", 70)


def grown(project: Project) -> None:
    """One experiment has been taken out, one has other frames, and one is new."""
    project.experiments(dict.fromkeys((TIME_LAPSE, SNAPSHOT), "threshold"))
    project.repro("df01")
    project.commit("Two experiments")
    project.change_pixel(SNAPSHOT, "A03_t0000_stitch.png", 5, 7)
    project.repro(f"df01_part@{SNAPSHOT}")
    project.experiments(dict.fromkeys((TIME_LAPSE, SNAPSHOT, "20250103"), "threshold"))


@pytest.mark.parametrize(("number", "state"), [(0, None), (1, edited), (2, grown)], ids=["built", "edited", "grown"])
def test_a_sample_is_what_the_command_prints(project: Project, number: int, state: object) -> None:
    if callable(state):
        state(project)
    command, page = samples()[number]
    blocks = re.split(r"(?<=\n)\n?\$ (morphseq [^\n]*)\n", page)
    commands = [command, *blocks[1::2]]
    outputs = [project.ending(*words.split())[1].rstrip() for words in commands]
    now = "\n\n".join(
        output if index == 0 else f"$ {words}\n{output}"
        for index, (words, output) in enumerate(zip(commands, outputs, strict=True))
    )
    # How a frame is compressed depends on the machine that drew it.
    now = re.sub(r"\d+ bytes, xxh3_128 \w{32}", "... bytes, xxh3_128 ...", now)
    now = "\n".join(line.rstrip() for line in now.splitlines()) + "\n"
    if os.environ.get("RENEW"):
        _renew(page, now)
    assert page == now, "README.md: write its samples anew: RENEW=1 python -m pytest tests/docs/test_readme.py"


def _renew(old: str, new: str) -> None:
    text = README.read_text(encoding="utf-8")
    README.write_text(text.replace(old, new), encoding="utf-8")
    pytest.skip("written anew")


@pytest.mark.parametrize("kind", [State, Membership, versions.State])
def test_every_state_is_explained_in_its_own_words(kind: type[Outcome]) -> None:
    pages = [path.read_text(encoding="utf-8") for path in (README, REPOSITORY / "CONTRIBUTING.md")]
    rows = re.findall(r"^\| `([a-z ]+)` \| (.*?) \|", "\n".join(pages), re.MULTILINE)
    explained = {word: text for word, text in rows}
    for outcome in kind:
        assert explained[str(outcome)] in {state.description for state in (*State, *Membership, *versions.State)}
