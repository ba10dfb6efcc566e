"""Stage `wells`: which files of the folder it takes, and what runs again if a workbook changes."""

import msgspec
import pandas as pd
import pytest

from morphseq_manifest.answers.provenance import lineage
from morphseq_manifest.cohort.snapshot import CohortSnapshot
from tests.answers.verifying import findings
from tests.project import PLATES, Project, replace_file
from tests.running import named, run_json
from tests.stages.files.books import Fill, grid, rows, write

TIME_LAPSE, SNAPSHOT, AWKWARD = PLATES
FOLDER, TABLES = "data/metadata/built_metadata_files", "manifests/wells"
PARAMS = "experiments:\n  {}: {{segmenter: threshold}}\n  {}: {{segmenter: threshold}}\nversions: {{wells: 1}}\n"


@pytest.fixture
def small(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A folder with two experiments in params.yaml and none of their frames, in which the stage can run."""
    from tests.project import REPOSITORY

    project = Project(tmp_path_factory.mktemp("wells") / "project")
    (project.root / FOLDER).mkdir(parents=True)
    (project.root / "stages").symlink_to(REPOSITORY / "stages")
    (project.root / "params.yaml").write_text(PARAMS.format('"20240418"', '"b"'))
    return project


def book(project: Project, experiment: str, sheets: dict[str, Fill]) -> None:
    """Write an experiment's workbook anew."""
    path = project.root / FOLDER / f"{experiment}_well_metadata.xlsx"
    path.unlink(missing_ok=True)
    write(path, sheets)


def wells(project: Project, *, fails: bool = False) -> str:
    return project.run("python", "-m", "stages.wells", fails=fails)


def tables(project: Project) -> dict[str, str]:
    return {path.name: path.read_text() for path in (project.root / TABLES).iterdir()}


def test_every_experiment_has_a_table_with_or_without_a_workbook(small: Project) -> None:
    assert "0 workbooks speak of 0 wells" in wells(small)
    assert tables(small) == {"20240418.csv": "well\n", "b.csv": "well\n", "perturbation_key.csv": "chem_perturbation\n"}
    sheets = {"dye": grid({"B02": "é"}), "age": grid({"A01": 26}), "line": grid({"B02": "tbx5a", "A01": "w,t"})}
    book(small, "b", sheets)
    (small.root / FOLDER / "perturbation_key.csv").write_bytes(b"genotype;gene\r\ntbx5a;Tbx5a\r\n")
    assert "1 workbooks speak of 2 wells" in wells(small)
    assert tables(small) == {
        "20240418.csv": "well\n",
        "b.csv": 'well,genotype,start_age_hpf,dye\nA01,"w,t",26,\nB02,tbx5a,,é\n',
        "perturbation_key.csv": "genotype,gene\ntbx5a,Tbx5a\n",
    }


def test_what_is_not_read_in_the_folder_is_named(small: Project) -> None:
    book(small, "20240419", {"genotype": grid({"A01": "wt"})})
    for name in (
        "readme.txt",
        "x_metadata.csv",
        "~$b_well_metadata.xlsx",
        ".~lock.b_well_metadata.xlsx#",
        ".DS_Store",
    ):
        (small.root / FOLDER / name).write_bytes(b"x")
    said = wells(small)
    assert f"{FOLDER}: not of a listed experiment, and so not read: 20240419_well_metadata.xlsx\n" in said
    assert f"{FOLDER}/~$b_well_metadata.xlsx: somebody has the file open; what is not saved yet is not read" in said
    assert "DS_Store" not in said
    assert f"{FOLDER}: not read: readme.txt\n" in said


def test_a_workbook_under_another_name_is_named_with_the_expected_one(small: Project) -> None:
    of_b, others = "b_well_metadata.xlsx", {"20240418.xlsx": "20240418_well_metadata.xlsx"}
    for name in (
        "b_well_metadata (1).xlsx", "b_well_metadata - Kopie.XLSX", "b_well_metadata_FINAL.xlsx",
        "b well metadata.xlsm", "b-well-metadata.xlsx", "b_well_metadata.xlsx.xlsx", "B_Well_Metadata_2.ods",
        "b.gsheet", "b_well_metadata2.csv",
    ):  # fmt: skip
        others[name] = of_b
    others |= {"perturbation_key (1).csv": "perturbation_key.csv"}
    others |= {"Well Metadata.xlsx": "{experiment}_well_metadata.xlsx"}
    for name in (*others, "bla.txt"):
        (small.root / FOLDER / name).write_bytes(b"x")
    said = next(line for line in wells(small).splitlines() if ": not read: " in line)
    for name, expected in others.items():
        assert f"{name} (expected {expected})" in said
    assert ", bla.txt," in said
    assert tables(small)["b.csv"] == "well\n"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("b_well_metadata.xls", "b_well_metadata.xlsx"), ("b_well_metadata.csv", "b_well_metadata.xlsx"),
        ("B_well_metadata.XLSX", "b_well_metadata.xlsx"), ("perturbation_key.xlsx", "perturbation_key.csv"),
    ],
)  # fmt: skip
def test_a_file_in_another_format_is_refused_not_left_out(small: Project, name: str, expected: str) -> None:
    wells(small)
    (small.root / FOLDER / name).write_bytes(b"x")
    before = tables(small)
    assert f"{FOLDER}/{name}: expected {expected}. Save it in that format, under that name" in wells(small, fails=True)
    assert tables(small) == before


def test_what_is_wrong_is_told_of_every_file(small: Project) -> None:
    for experiment, age in (("20240418", "old"), ("b", "#N/A")):
        book(small, experiment, {"age": grid({"A01": age})})
    (small.root / FOLDER / "perturbation_key.csv").write_text("gene,genotype\n")
    said = wells(small, fails=True)
    assert f"{FOLDER}/20240418_well_metadata.xlsx, sheet 'age', cell B2: start_age_hpf is 'old', not a number" in said
    assert f"{FOLDER}/b_well_metadata.xlsx, sheet 'age', cell B2: start_age_hpf is '#N/A', an error" in said
    assert f"{FOLDER}/perturbation_key.csv: its first column is 'gene'" in said


def test_without_the_folder_what_goes_there_is_told(small: Project) -> None:
    (small.root / FOLDER).rmdir()
    assert f"{FOLDER}: can't be read (No such file or directory). Put the plate tables there" in wells(
        small, fails=True
    )


def test_an_experiment_named_as_the_key_is_refused(small: Project) -> None:
    (small.root / "params.yaml").write_text(PARAMS.format("a", "perturbation_key"))
    assert "params.yaml: 'perturbation_key' can't be an experiment" in wells(small, fails=True)


def correct(project: Project, genotype: str) -> None:
    book(project, SNAPSHOT, {"genotype": grid({"A01": genotype}), "x": rows(["well", "dye"], ["A02", "DAPI"])})


def statuses(project: Project) -> dict[str, object]:
    """What `dvc status` says; `morphseq status` must say the same."""
    from morphseq_manifest import status

    by_dvc = msgspec.json.decode(project.run("dvc", "status", "--json"))
    assert {name: step.verdict.as_dvc() for name, step in status(project.root).steps.items() if step.verdict} == by_dvc
    found: dict[str, object] = by_dvc
    return found


@pytest.mark.parametrize("command", ["dvc repro", "morphseq run"])
def test_a_corrected_genotype_runs_build03_of_its_plate_alone(project: Project, command: str) -> None:
    def run() -> set[str]:
        if command == "dvc repro":
            return project.repro("df01").stages
        return named(run_json(project, "df01"), "ran")

    assert statuses(project) == {}
    correct(project, "tbx5a")
    assert set(statuses(project)) == {"wells"}
    assert run() == {"wells", f"build03@{SNAPSHOT}", f"df01_part@{SNAPSHOT}", "df01"}
    built = pd.read_csv(project.table("df01"), dtype=str, keep_default_na=False)
    one = built[built["experiment_date"] == SNAPSHOT].set_index("well")
    assert (one["genotype"]["A01"], one["genotype"]["A02"], one["dye"]["A02"]) == ("tbx5a", "wt", "DAPI")
    assert not built["dye"][built["experiment_date"] == TIME_LAPSE].any()
    assert set(statuses(project)) == {"df02"}
    correct(project, "wt")
    assert run() == {"wells", f"build03@{SNAPSHOT}", f"df01_part@{SNAPSHOT}", "df01"}
    (project.root / FOLDER / "20990101_well_metadata.xlsx").write_bytes(b"no workbook, and nobody's")
    assert run() == {"wells"}, "the tables are the same"
    project.run("dvc", "status", "wells")


def test_a_bad_workbook_stops_wells_alone_and_its_earlier_tables_stay(project: Project) -> None:
    correct(project, "tbx5a")
    project.repro("wells")
    before = tables(project)
    book(project, SNAPSHOT, {"age": grid({"A01": "old"})})
    for output in (project.repro("df01", fails=True).output, project.morphseq("run", "df01", code=1)):
        assert f"{SNAPSHOT}_well_metadata.xlsx, sheet 'age', cell B2: start_age_hpf is 'old', not a number" in output
    assert tables(project) == before
    assert "start_age_hpf is 'old'" in project.morphseq("why", "df01", code=1)


def test_the_perturbation_key_runs_df02_alone(project: Project) -> None:
    path = project.root / FOLDER / "perturbation_key.csv"
    replace_file(path, b"genotype,gene\nwt,none\n")
    assert project.repro("df02").stages == {"wells", "df02"}
    built = pd.read_csv(project.table("df02"), dtype=str)
    assert built.columns[-1] == "gene"
    assert set(built["gene"]) == {"none"}
    assert statuses(project).keys() == {"df03"}
    project.morphseq("provenance", "df02", "--check")
    path.unlink()
    ran = project.repro("df02")
    assert (ran.stages, ran.restored) == ({"wells"}, {"df02"})
    assert statuses(project) == {}


def test_an_experiment_is_traced_back_to_its_workbook_and_all_is_verified(project: Project) -> None:
    correct(project, "tbx5a")
    project.repro("wells")
    assert findings(project, code=0) == {}, "build03 is behind, and nothing is damaged"
    project.repro()
    project.commit("A genotype corrected")
    steps = {
        step.stage: {item.path: item.role for item in step.items}
        for step in lineage.trace(SNAPSHOT, CohortSnapshot(project.root)).steps
    }
    assert steps["wells"] == {TABLES: "made", FOLDER: "from outside"}
    assert f"{TABLES}/{SNAPSHOT}.csv" not in steps[f"build03@{SNAPSHOT}"]
    for table in ("df01", "df02", "df03"):
        project.morphseq("provenance", table, "--check")
    replace_file(project.root / TABLES / f"{SNAPSHOT}.csv", b"well,genotype\nA01,other\n")
    assert findings(project) == {TABLES: "damaged"}
    correct(project, "gdf3")
    project.repro(f"build03@{SNAPSHOT}")
    assert f"input {TABLES}/{SNAPSHOT}.csv changed" in project.morphseq("provenance", "df01", code=1)
