"""A toy project that several people work on, whose tables name every experiment in dvc.yaml; and what they do in it."""

from pathlib import Path

from morphseq_manifest.base import git
from morphseq_manifest.cohort import experiments_text
from tests import toy
from tests.project import Project, replace_file
from tests.running import run_json, status

# What one of all experiments is made of, so that a change of any makes these run again.
TABLES = {"experiments", "df01", "df03"}
_TABLE_STAGES = """\
  experiments:
    cmd: python cohort.py experiments
    params:
      - experiments
    outs:
      - manifests/experiments.json:
          cache: false
          persist: true
  df01:
    cmd: python cohort.py df01
    deps:
      - manifests/experiments.json
{tables}    params:
      - experiments
      - versions.df01
    outs:
      - data/df01.csv
    metrics:
      - manifests/df01.json:
          cache: false
  df03:
    cmd: python stage.py all data/df01.csv to data/df03/
    deps:
      - data/df01.csv
{latents}    outs:
      - data/df03
"""
_COHORT = """\
import hashlib, sys
from pathlib import Path
from morphseq_manifest.cohort import experiments_manifest, params
from morphseq_manifest.cohort.manifests import cohort_manifest
from morphseq_manifest.cohort.manifests.cohort_manifest import SCHEMA, CohortManifest
listed = params.read().experiments
if sys.argv[1] == "experiments":
    experiments_manifest.write(Path("manifests/experiments.json"), listed)
else:
    text = "".join(Path(f"data/tables/{name}.csv").read_text() for name in listed)
    Path("data/df01.csv").write_text(text)
    digest = hashlib.md5(text.encode()).hexdigest()
    manifest = CohortManifest(SCHEMA, "df01.csv", digest, len(listed), 1, {}, {}, {}, None, None, {}, "")
    cohort_manifest.write(Path("manifests/df01.json"), manifest)
"""
_PLACES = ("      - ${{paths.tables}}/{}.csv\n", "      - data/latents/${{model_name}}/{}.csv\n")
FOLDERS = ("      - ${paths.tables}\n", "      - data/latents/${model_name}\n")


def build(root: Path, *, explicit: bool = True) -> None:
    """The project after a run, committed, in a clone that is set up; `explicit`: each experiment is a dependency."""
    head = toy.PIPELINE.partition("  df01:\n")[0]
    tables, latents = ("".join(map(place.format, toy.EXPERIMENTS)) for place in _PLACES) if explicit else FOLDERS
    Lab(toy.write(root, head + _TABLE_STAGES.format(tables=tables, latents=latents)).root).begin()


class Lab(Project):
    """Such a project, and what people do in it; all data is on one disk, and git switches what it has."""

    def begin(self) -> None:
        (self.root / "cohort.py").write_text(_COHORT)
        self.repro()
        self.morphseq("init")
        self.commit("Begun")

    def branch(self, name: str, start: str = "main") -> None:
        self.run("git", "checkout", "--quiet", "-b", name, start)

    def run_and_commit(self, message: str) -> None:
        """Bring all up to date and commit it."""
        run_json(self)
        self.commit(message)

    def settings(self, text: str) -> None:
        replace_file(self.root / "params.yaml", text.encode())

    def text(self, name: str = "params.yaml") -> str:
        return (self.root / name).read_text()

    def add(self, experiment: str) -> None:
        """Put an experiment's frames there and list it."""
        toy.add_experiment(self.root, experiment)
        self.settings(experiments_text.added(self.text(), {experiment: "threshold"}))
        self._depend([*self._listed(), experiment])

    def remove(self, experiment: str) -> None:
        """List an experiment no longer; what was made of it stays."""
        self.settings(experiments_text.removed(self.text(), [experiment]))
        self._depend([name for name in self._listed() if name != experiment])

    def rename(self, old: str, new: str) -> None:
        """Give an experiment another id, and its frames and table."""
        frames, plates = self.root / "data/frames", self.root / "data/plates"
        (frames / old).rename(frames / new)
        (plates / f"{old}.csv").rename(plates / f"{new}.csv")
        self.settings(experiments_text.renamed(self.text(), old, new))
        self._depend([new if name == old else name for name in self._listed()])

    def change(self, experiment: str, text: str = "another frame") -> None:
        """Put another frame in the place of one."""
        replace_file(self.root / f"data/frames/{experiment}/A01_t0001.png", text.encode())

    def _listed(self) -> list[str]:
        before, after = _PLACES[0].format("\0").split("\0")
        lines = self.text("dvc.yaml").splitlines(keepends=True)
        return [
            line.removeprefix(before).removesuffix(after)
            for line in lines
            if line.startswith(before) and "$" not in line.removeprefix(before)
        ]

    def _depend(self, experiments: list[str]) -> None:
        """Name these in dvc.yaml, in order, where each was named."""
        old = self._listed()
        if not old:
            return
        text = self.text("dvc.yaml")
        for place in _PLACES:
            text = text.replace("".join(map(place.format, old)), "".join(map(place.format, sorted(experiments))))
        replace_file(self.root / "dvc.yaml", text.encode())

    def unmerged(self) -> list[str]:
        return (git.run(self.root, "diff", "--name-only", "--diff-filter=U") or b"").decode().split()

    def out_of_date(self) -> set[str]:
        """What `dvc status` calls."""
        return {name.rpartition(":")[2] for name in status(self.root)}
