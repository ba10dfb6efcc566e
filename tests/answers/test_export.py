"""Crates: what is in them, that others can read them, and that a check finds whatever is not as it was exported."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import prov.model
import pytest
from rocrate.rocrate import ROCrate

from benchmarks.past import lines
from benchmarks.planted_tables import WithTables
from morphseq_manifest.answers.export import checking
from morphseq_manifest.base.errors import ContentError
from morphseq_manifest.base.hashing import hash_bytes
from morphseq_manifest.cohort.manifests import adopted_manifest
from morphseq_manifest.tracker.dvc import lock_reading
from stages.files import layout
from tests.project import REPOSITORY, Project, replace_file
from tests.running import copy_of

EXPERIMENTS = ("20250101", "20250102_2", "SimFish_v1.2_b")
HEADER = "experiment_date,well,embryo_id,snip_id,time_int,area_um2"
TABLE = str(layout.cohort_table("df03"))
METADATA, SUMS = "ro-crate-metadata.json", "sha256sums.txt"
# A Python that has roc-validator, which doesn't go with this environment's release of rich.
VALIDATOR = Path(os.environ.get("MORPHSEQ_VALIDATOR", Path(sys.prefix) / "validator/bin/python"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that has its tables, as if everything had run."""
    root = tmp_path_factory.mktemp("made") / "project"
    rows = {name: [[name, "A01", f"{name}_A01_e01", f"{name}_A01_e01_t000{n}", str(n), "5"] for n in range(2)]
            for name in EXPERIMENTS}  # fmt: skip
    WithTables(root, EXPERIMENTS, ["A01", "B02"], 2).make(
        HEADER, {name: lines(rows[name]) for name in EXPERIMENTS}, b"typed"
    )
    return root


@pytest.fixture
def planted(made: Path, tmp_path: Path) -> Project:
    return copy_of(made, tmp_path / "project")


@pytest.fixture(scope="module")
def exported(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A crate of two tables, as the folder `crate` and as `crate.zip`."""
    folder = tmp_path_factory.mktemp("exported")
    for name in ("crate", "crate.zip"):
        Project(made).morphseq("export", "df03", "df01", "--output", folder / name)
    return folder


@pytest.fixture
def crate(exported: Path, tmp_path: Path) -> Path:
    """A copy of the folder."""
    return Path(shutil.copytree(exported / "crate", tmp_path / "crate"))


def graph_of(crate: Path) -> dict[str, dict[str, Any]]:
    content = json.loads((crate / METADATA).read_text(encoding="utf-8"))
    return {entity["@id"]: entity for entity in content["@graph"]}


def files_of(crate: Path) -> list[str]:
    return sorted(path.relative_to(crate).as_posix() for path in crate.rglob("*") if path.is_file())


def found(crate: Path) -> set[str]:
    """The paths that a check complains of."""
    return {finding.path for finding in checking.check(crate).findings}


def is_found(crate: Path) -> bool:
    """Whether a check complains, also that it is no whole zip any more."""
    try:
        return bool(found(crate))
    except ContentError:
        return True


def resum(crate: Path) -> None:
    """List the files as they are now, as who edits a crate on purpose would."""
    named = [name for name in files_of(crate) if name != SUMS]
    done = subprocess.run(["sha256sum", *named], cwd=crate, capture_output=True, check=True)
    (crate / SUMS).write_bytes(done.stdout)


def test_the_same_is_exported_to_the_byte_wherever_and_however(made: Path, planted: Project, tmp_path: Path) -> None:
    names = [tmp_path / f"{name}.zip" for name in ("one", "other", "commit", "elsewhere")]
    Project(made).morphseq("export", "df03", "--output", names[0])
    Project(made).morphseq("export", "df03", "--output", names[1])
    Project(made).morphseq("export", "df03", "--rev", "HEAD", "--output", names[2])
    planted.morphseq("export", "df03", "df03", "-o", names[3])
    assert len({path.read_bytes() for path in names}) == 1
    planted.morphseq("export", "df03", "--output", tmp_path / "folder")
    with zipfile.ZipFile(names[0]) as archive:
        inside = {info.filename: archive.read(info) for info in archive.infolist() if not info.is_dir()}
    assert inside == {name: (tmp_path / "folder" / name).read_bytes() for name in files_of(tmp_path / "folder")}


def test_all_that_a_table_comes_from_is_in_it(exported: Path, made: Path) -> None:
    files = set(files_of(exported / "crate"))
    parts = {f"manifests/{folder}/{name}.json" for folder in ("images", "df01_parts", "df03_parts")
             for name in EXPERIMENTS}  # fmt: skip
    wells = {f"manifests/wells/{name}.csv" for name in (*EXPERIMENTS, "perturbation_key")}
    tables = {str(layout.cohort_table(table).with_suffix(kind)) for table in ("df01", "df03")
              for kind in (".csv", ".parquet")}  # fmt: skip
    tops = {f"manifests/{name}.json" for name in ("df01", "df02", "df03", "experiments")}
    own = {METADATA, SUMS, "prov.json"}
    assert files == {"dvc.yaml", "dvc.lock", "params.yaml"} | parts | wells | tables | tops | own
    for name in files - own:
        assert (exported / "crate" / name).read_bytes() == (made / name).read_bytes()


def test_every_experiment_model_and_stage_is_an_entity_with_its_hashes(exported: Path, made: Path) -> None:
    graph = graph_of(exported / "crate")
    texts = json.dumps(list(graph.values()))
    lock = lock_reading.read(made)
    assert {f"#run/{stage}" for stage in lock} < graph.keys()
    for entry in lock.values():
        for content in (*entry.deps.values(), *entry.outs.values()):
            assert content.md5 in texts
    models = [graph[name] for name in graph if name.startswith("#model/")]
    assert len(models) == 7
    assert all(len(model["md5"]) == len("0" * 32 + ".dir") for model in models)
    for name in EXPERIMENTS:
        manifest = msgspec.json.decode((made / f"manifests/images/{name}.json").read_bytes())
        assert graph[f"#experiment/{name}"]["xxh3_128"] == manifest["digest"]
        contributed = Project(made).manifest("df01").experiments[name].contributed
        assert graph[f"#experiment/{name}/df01"]["xxh3_128"] == contributed
    assert graph[TABLE]["xxh3_128"] == Project(made).manifest("df03").hash


def test_other_programs_read_it(exported: Path) -> None:
    read = ROCrate(exported / "crate.zip")
    assert read.mainEntity.id == "dvc.yaml"
    listed = {entity.id for entity in read.data_entities}
    assert {name for name in files_of(exported / "crate") if name != METADATA} < listed
    document = prov.model.ProvDocument.deserialize(exported / "crate/prov.json")
    activities = [record for record in document.records if isinstance(record, prov.model.ProvActivity)]
    stages = [name for name in graph_of(exported / "crate") if name.startswith("#run/")]
    assert len(activities) == len(stages)
    used = [record for record in document.records if isinstance(record, prov.model.ProvUsage)]
    assert len(used) > len(stages)


@pytest.mark.skipif(not VALIDATOR.exists(), reason="`make validator` installs roc-validator")
@pytest.mark.parametrize("name", ["crate", "crate.zip"])
def test_the_validator_finds_nothing_wrong(exported: Path, tmp_path: Path, name: str) -> None:
    words = ["validate", "--no-cache", "--no-paging", "--profile-identifier", "workflow-run-crate-0.5"]
    told = tmp_path / "told.json"
    program = REPOSITORY / "tests/crate_validator.py"
    done = subprocess.run(
        [VALIDATOR, program, *words, "--output-format", "json", "--output-file", told, exported / name],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert told.exists(), done.stdout + done.stderr
    report = json.loads(told.read_text())
    assert (report["passed"], report["issues"]) == (True, [])
    assert report["statistics"]["total_passed_checks"] > 50


def test_it_is_checked_where_there_is_no_project(exported: Path, tmp_path: Path) -> None:
    for name in ("crate", "crate.zip"):
        said = Project(tmp_path).morphseq("verify", "--crate", exported / name)
        assert "df01, df03 at " in said
        assert "as exported" in said
        told = json.loads(Project(tmp_path).morphseq("verify", "--crate", exported / name, "--json"))
        assert (told["schema"], told["findings"], told["exit_code"]) == ("morphseq/crate/1", [], 0)
    subprocess.run(["sha256sum", "--check", "--strict", SUMS], cwd=exported / "crate", check=True, capture_output=True)


def test_one_flipped_bit_in_any_file_is_found(crate: Path) -> None:
    chance = Random(0)
    for name in files_of(crate):
        path = crate / name
        whole = path.read_bytes()
        for place in {0, len(whole) - 1, *(chance.randrange(len(whole)) for _ in range(8 if name == SUMS else 2))}:
            spoilt = bytearray(whole)
            spoilt[place] ^= 1 << chance.randrange(8)
            path.write_bytes(spoilt)
            assert any(complaint.startswith(name) for complaint in found(crate)) or name == SUMS
            assert found(crate), (name, place)
        path.write_bytes(whole)
    assert not found(crate)


def test_one_flipped_bit_anywhere_in_a_zip_is_found(exported: Path, tmp_path: Path) -> None:
    chance, whole = Random(1), (exported / "crate.zip").read_bytes()
    with zipfile.ZipFile(exported / "crate.zip") as archive:
        heads = [info.header_offset + place for info in archive.infolist() for place in range(30 + len(info.filename))]
        heads += range(archive.start_dir, len(whole))
    path = tmp_path / "spoilt.zip"
    for place in [*chance.sample(heads, 150), *(chance.randrange(len(whole)) for _ in range(50))]:
        spoilt = bytearray(whole)
        spoilt[place] ^= 1 << chance.randrange(8)
        path.write_bytes(spoilt)
        assert is_found(path), place
    for changed in (whole + b"\0", b"\0" + whole, whole[:-1]):
        path.write_bytes(changed)
        assert is_found(path)


def test_a_zip_that_others_have_packed_is_as_good(exported: Path, tmp_path: Path) -> None:
    path = tmp_path / "again.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in files_of(exported / "crate"):
            archive.write(exported / "crate" / name, name)
    assert not found(path)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("dvc.yaml", "stages: {}")
    assert "dvc.yaml" in found(path)


def test_missing_and_added_files_are_found(crate: Path, tmp_path: Path) -> None:
    (crate / "notes.txt").write_text("mine")
    (crate / "manifests/images/20250101.json").unlink()
    (crate / "params.yaml").rename(tmp_path / "params.yaml")
    (crate / "params.yaml").symlink_to(tmp_path / "params.yaml")
    kinds = {finding.path: str(finding.what) for finding in checking.check(crate).findings}
    assert (kinds["notes.txt"], kinds["manifests/images/20250101.json"]) == ("unrecorded", "missing")
    assert kinds["params.yaml"] in {"damaged", "missing"}
    assert Project(tmp_path).morphseq("verify", "--crate", crate, code=3).count("\n") > 4


@pytest.mark.parametrize("key", ["md5", "sha256", "xxh3_128", "contentSize", "value", "result"])
def test_a_changed_hash_in_the_metadata_is_found_though_the_sums_fit(crate: Path, key: str) -> None:
    content = json.loads((crate / METADATA).read_text(encoding="utf-8"))
    entities = [entity for entity in content["@graph"] if key in entity]
    for entity in (entities[0], entities[-1], Random(2).choice(entities)):
        before = entity[key]
        entity[key] = "f" * 32
        (crate / METADATA).write_text(json.dumps(content), encoding="utf-8")
        resum(crate)
        assert f"{METADATA}: {entity['@id']}" in found(crate)
        entity[key] = before
    (crate / METADATA).write_text(json.dumps(content), encoding="utf-8")
    resum(crate)
    assert not found(crate)


def test_an_entity_with_a_hash_that_nothing_in_the_crate_tells_is_found(crate: Path) -> None:
    content = json.loads((crate / METADATA).read_text(encoding="utf-8"))
    content["@graph"] += [{"@id": "#model/other", "@type": "CreativeWork", "md5": "0" * 32}]
    content["@graph"] = [entity for entity in content["@graph"] if entity["@id"] != "#run/sam2@20250101"]
    (crate / METADATA).write_text(json.dumps(content), encoding="utf-8")
    resum(crate)
    assert found(crate) == {f"{METADATA}: #model/other", f"{METADATA}: #run/sam2@20250101"}


def test_contents_that_dvc_lock_or_a_manifest_has_otherwise_are_found_though_the_sums_fit(crate: Path) -> None:
    def edited(name: str, old: bytes, new: bytes) -> set[str]:
        whole = (crate / name).read_bytes()
        assert old in whole
        (crate / name).write_bytes(whole.replace(old, new))
        resum(crate)
        complaints = found(crate)
        (crate / name).write_bytes(whole)
        return complaints

    assert TABLE in edited(TABLE, b",5\n", b",6\n")
    assert "manifests/images/20250101.json" in edited("manifests/images/20250101.json", b'"size":1', b'"size":2')
    assert "manifests/df03.json" in edited("manifests/df03.json", b'"rows":6', b'"rows":7')
    assert "manifests/wells" in edited("manifests/wells/20250101.csv", b"wt", b"mt")
    assert "dvc.lock" in edited("dvc.lock", b"stages:", b"stagez:")
    md5 = lock_reading.read(crate)["df03"].outs[TABLE].md5.encode()
    assert TABLE in edited("dvc.lock", md5, b"a" * 32)
    assert any(name.startswith("prov.json: ") for name in edited("prov.json", md5, b"a" * 32))


def test_whatever_stands_in_a_crate_it_is_checked_without_a_traceback(crate: Path) -> None:
    """Values of its JSON are replaced, or bytes of its lock; digests and sums are made to fit."""
    chance = Random(3)
    values: list[Any] = [None, 5, -1, "", "../../x", [], [None], {}, True, 2**70, "é\x1b"]
    names = [name for name in files_of(crate) if name.endswith((".json", ".lock"))]
    for _ in range(80):
        name = chance.choice(names)
        path = crate / name
        whole = path.read_bytes()
        if name.endswith(".lock"):
            place = chance.randrange(len(whole))
            spoilt = whole[:place] + chance.choice([b"&a [*a]", b"{", b"\xff", b"\n- !!x", b""]) + whole[place + 9 :]
        else:
            content = json.loads(whole)
            inside = content
            while isinstance(inside, dict | list) and inside:
                outer, key = inside, chance.choice(range(len(inside)) if isinstance(inside, list) else list(inside))
                inside = outer[key]
                if chance.random() < 0.3:
                    break
            outer[key] = chance.choice(values)
            spoilt = sealed(json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode())
        path.write_bytes(spoilt)
        resum(crate)
        is_found(crate)
        path.write_bytes(whole)


def sealed(data: bytes) -> bytes:
    """A manifest with the digest of its content, if it has a digest."""
    start = data.rfind(b'"digest":"') + len(b'"digest":"')
    end = data.find(b'"', start)
    if b'"digest":"' not in data:
        return data
    return data[:start] + hash_bytes(data[:start] + data[end:]).encode() + data[end:]


def test_what_is_not_a_crate_is_said(tmp_path: Path, exported: Path) -> None:
    project = Project(tmp_path)
    (tmp_path / "file").write_text("text")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder/locked").mkdir(mode=0)  # nobody looks in it
    for name, code in (("file", 3), ("folder", 3), ("pipe", 3), ("nothing", 4)):
        assert name in project.morphseq("verify", "--crate", name, code=code)
    project.morphseq("verify", "--crate", exported / "crate", "--sample", "5", code=2)


def test_a_commit_is_exported_from_git_and_the_cache(planted: Project, exported: Path, tmp_path: Path) -> None:
    planted.run("git", "tag", "v1")
    planted.setting("blend_um", 70)
    for name in ("params.yaml", "manifests/images/20250101.json", TABLE):
        replace_file(planted.root / name, b"other")
    planted.commit("Another state")
    shutil.rmtree(planted.root / "data/metadata/combined_metadata_files")
    before = planted.run("git", "status", "--porcelain")
    planted.morphseq("export", "df03", "df01", "--rev", "v1", "--output", tmp_path / "v1.zip")
    assert (tmp_path / "v1.zip").read_bytes() == (exported / "crate.zip").read_bytes()
    assert planted.run("git", "status", "--porcelain") == before
    assert not (planted.root / TABLE).exists()
    shutil.rmtree(planted.root / ".dvc/cache")
    said = planted.morphseq("export", "df03", "--rev", "v1", "--output", tmp_path / "lost.zip", code=4)
    assert TABLE in said
    assert not (tmp_path / "lost.zip").exists()


def left(folder: Path) -> Iterator[str]:
    yield from (path.name for path in folder.iterdir() if path.name not in {"project", "project-site-cache"})


def test_what_is_missing_or_not_as_recorded_is_said_and_nothing_is_written(planted: Project, tmp_path: Path) -> None:
    def refused(code: int, *said: str) -> None:
        for name in ("crate", "crate.zip"):
            output = planted.morphseq("export", "df03", "--output", tmp_path / name, code=code)
            assert all(text in output for text in said), output
        assert not list(left(tmp_path))

    table, manifest = planted.root / TABLE, planted.root / "manifests/images/20250101.json"
    whole, listed = table.read_bytes(), manifest.read_bytes()
    replace_file(table, whole.replace(b",5\n", b",6\n"))
    refused(3, TABLE, "dvc.lock has")
    table.unlink()
    table.with_suffix(".parquet").unlink()
    refused(4, TABLE, f"{TABLE.removesuffix('csv')}parquet", "dvc pull")
    planted.run("dvc", "checkout", TABLE, str(Path(TABLE).with_suffix(".parquet")))
    replace_file(manifest, listed.replace(b'"size":1', b'"size":2'))
    refused(3, "manifests/images/20250101.json")
    manifest.unlink()
    refused(4, "manifests/images/20250101.json", "git checkout")
    manifest.symlink_to("/etc/hostname")
    refused(2, "manifests/images/20250101.json", "link")
    manifest.unlink()
    replace_file(manifest, listed)
    planted.morphseq("export", "df04", "--output", tmp_path / "crate", code=2)
    planted.morphseq("export", "df03", "--output", tmp_path / "crate", "--rev", "nothing", code=2)
    assert not list(left(tmp_path))
    planted.morphseq("export", "df03", "--output", tmp_path / "crate")


@pytest.mark.parametrize("table", ["..", "data/../.."])
def test_a_stranger_s_lock_has_nothing_written_elsewhere(planted: Project, tmp_path: Path, table: str) -> None:
    """An output outside of the project, with its content there."""
    place = planted.root / table / Path(TABLE).name
    place.write_bytes((planted.root / TABLE).read_bytes())
    planted.edit("dvc.lock", f"    - path: {TABLE}\n", f"    - path: {table}/{Path(TABLE).name}\n")
    before = sorted(tmp_path.rglob("*"))
    said = planted.morphseq("export", "df03", "--output", tmp_path / "exported/crate", code=3)
    assert "is not a path in the project" in said
    assert sorted(tmp_path.rglob("*")) == before


def test_what_is_not_committed_is_said(planted: Project, tmp_path: Path) -> None:
    planted.setting("blend_um", 70)
    (planted.root / "manifests/audit.json").write_text("{}\n")
    said = planted.morphseq("export", "df03", "--output", tmp_path / "crate")
    assert "exported as they are now: params.yaml, manifests/audit.json" in said
    assert "manifests/audit.json" in graph_of(tmp_path / "crate")["./"]["description"]
    assert "manifests/audit.json" in files_of(tmp_path / "crate")


def test_only_an_export_is_replaced(planted: Project, exported: Path, tmp_path: Path) -> None:
    folder, file = tmp_path / "crate", tmp_path / "crate.zip"
    (folder / "mine").mkdir(parents=True)
    (folder / "mine/notes.txt").write_text("mine")
    file.write_text("mine")
    for path in (folder, file):
        assert "--force" in planted.morphseq("export", "df03", "--output", path, code=2)
    assert (folder / "mine/notes.txt").read_text() == file.read_text() == "mine"
    for path in (folder, file):
        planted.morphseq("export", "df03", "--output", path, "--force")
        planted.morphseq("export", "df03", "df01", "--output", path)
        assert not found(path)
    assert files_of(folder) == files_of(exported / "crate")
    (folder / "notes.txt").write_text("mine")
    planted.morphseq("export", "df03", "--output", folder, code=2)
    for path in (".", "..", planted.root):
        assert "Name another" in planted.morphseq("export", "df03", "--output", path, "--force", code=2)
    assert (planted.root / "dvc.yaml").exists()


def test_of_what_was_taken_over_no_settings_are_told(planted: Project, tmp_path: Path) -> None:
    outs = lock_reading.read(planted.root)["sam2@20250101"].outs
    adopted_manifest.add(planted.root, "20250101", "sam2", {path: out.md5 for path, out in outs.items()})
    planted.morphseq("export", "df03", "--output", tmp_path / "crate")
    graph = graph_of(tmp_path / "crate")
    assert "not known" in graph["#run/sam2@20250101"]["description"]
    assert graph["#run/sam2@20250101"]["object"] == []
    assert len(graph["#run/sam2@20250102_2"]["object"]) > 1
    assert not found(tmp_path / "crate")


def test_a_crate_of_a_project_that_has_run(project: Project, tmp_path: Path) -> None:
    """In the working tree and at its commit, by the real stages."""
    project.morphseq("export", "df01", "df02", "df03", "--output", tmp_path / "now.zip")
    project.morphseq("export", "df01", "df02", "df03", "--rev", "HEAD", "--output", tmp_path / "then.zip")
    assert (tmp_path / "now.zip").read_bytes() == (tmp_path / "then.zip").read_bytes()
    assert Project(tmp_path).morphseq("verify", "--crate", "now.zip").count("as exported") == 1
