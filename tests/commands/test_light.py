"""A light installation, the library without any extra: its commands say the same, and runs leave stages to another."""

import ast
import importlib.metadata
import re
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.project import REPOSITORY, Project

LACKING = ("pyarrow", "scipy", "skimage", "PIL", "tifffile", "torch", "safetensors", "transformers", "distributed",
           "rocrate")  # fmt: skip
# What the library asks for only where it is there, or says how to install.
OPTIONAL = {"pyarrow", "distributed", "PIL", "tifffile", "napari", "rocrate"}


def dependencies() -> list[str]:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found: list[str] = project["dependencies"]
    return found


def closure(asked: list[str]) -> dict[str, importlib.metadata.Distribution]:
    """The distributions that pip would install for these requirements, as far as they are installed here."""
    found: dict[str, importlib.metadata.Distribution] = {}
    waiting = [Requirement(line) for line in asked]
    while waiting:
        wanted = waiting.pop()
        name = re.sub(r"[-_.]+", "-", wanted.name).lower()
        if name in found or (wanted.marker and not wanted.marker.evaluate({"extra": ""})):
            continue
        found[name] = importlib.metadata.distribution(name)
        waiting += [Requirement(line) for line in found[name].requires or []]
    return found


def install(folder: Path) -> Path:
    """Make an environment with the library and what it depends on, as links to what is installed here; its `bin`."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    for distribution in closure(dependencies()).values():
        tops = {path.parts[0] for path in distribution.files or [] if path.parts[0] not in {"..", "__pycache__"}}
        for top in tops:
            source, link = Path(str(distribution.locate_file(top))), site / top
            if not link.exists():
                link.symlink_to(source)
            elif source.is_dir() and link.is_dir():  # a namespace that several share, such as ruamel
                _share(link, source)
    (site / "morphseq_manifest").symlink_to(REPOSITORY / "morphseq_manifest")
    command = folder / "bin/morphseq"
    command.write_text(f"#!{folder}/bin/python\nfrom morphseq_manifest.__main__ import main\nmain()\n")
    command.chmod(0o755)
    return folder / "bin"


def _share(link: Path, source: Path) -> None:
    inside = [*link.iterdir(), *source.iterdir()]
    if link.is_symlink():
        link.unlink()
        link.mkdir()
    for item in inside:
        if not (link / item.name).exists():
            (link / item.name).symlink_to(item)


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("light"))


def test_a_light_installation_lacks_what_stages_need(light: Path) -> None:
    code = f"from importlib.util import find_spec; print([name for name in {LACKING} if find_spec(name)])"
    done = subprocess.run([light / "python", "-c", code], text=True, capture_output=True, check=True)
    assert done.stdout == "[]\n"


def test_every_command_has_help_in_a_light_installation(light: Path) -> None:
    for command in (
        "status",
        "why",
        "run",
        "provenance",
        "blame",
        "show",
        "diff",
        "bisect",
        "log",
        "graph",
        "report",
        "view",
        "audit",
        "export",
        "verify",
        "code",
    ):
        subprocess.run([light / "morphseq", command, "-h"], capture_output=True, check=True)


def test_the_library_imports_what_it_declares_and_extras_only_when_they_are_used() -> None:
    brought = {name for names in _tops() for name in names}
    for path in sorted((REPOSITORY / "morphseq_manifest").rglob("*.py")):
        for name, line, at_top in _imports(path):
            place = f"{path.relative_to(REPOSITORY)}, line {line}"
            if name in OPTIONAL:
                assert not at_top, f"{place}: import {name} in the function that uses it; a light installation lacks it"
            else:
                known = {*sys.stdlib_module_names, *brought, "morphseq_manifest"}
                assert name in known, f"{place}: {name} is not in pyproject.toml's dependencies"


def _tops() -> Iterator[set[str]]:
    for line in dependencies():
        files = importlib.metadata.distribution(Requirement(line).name).files or []
        yield {path.parts[0].removesuffix(".py") for path in files}


def _imports(path: Path) -> Iterator[tuple[str, int, bool]]:
    tree = ast.parse(path.read_bytes())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.partition(".")[0], node.lineno, node in tree.body
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0], node.lineno, node in tree.body


@pytest.mark.parametrize(
    "arguments",
    ["status", "why df03", "provenance df01", "provenance df03 --check",
     "show df02 --experiments 20250101,20250102_snapshot", "provenance --experiment 20250101", "verify",
     "diff", "code status", "run --dry-run"],
)  # fmt: skip
def test_commands_say_the_same_in_a_light_installation(project: Project, light: Path, arguments: str) -> None:
    project.edit("params.yaml", "min_latent_coverage: 0.95", "min_latent_coverage: 0.9")
    expected = project.ending("morphseq", *arguments.split())
    assert project.ending(light / "morphseq", *arguments.split()) == expected


def test_provenance_is_a_frame_in_a_light_installation(project: Project, light: Path) -> None:
    code = "import morphseq_manifest, sys; print(len(morphseq_manifest.provenance('df01')), 'pyarrow' in sys.modules)"
    assert project.run(light / "python", "-c", code) == "3 False\n"


def test_a_table_is_read_with_its_types_in_a_light_installation(project: Project, light: Path) -> None:
    code = (
        "import morphseq_manifest, sys; table = morphseq_manifest.read_table('df02'); "
        "print(len(table), table.dtypes['dead_flag'], 'pyarrow' in sys.modules)"
    )
    assert project.run(light / "python", "-c", code) == f"{project.manifest('df02').rows} boolean False\n"
    arguments = ("show", "df02", "--output", "some.parquet")
    code_, said = project.ending(light / "morphseq", *arguments)
    assert (code_, "pip install 'morphseq-manifest[stages]'" in said) == (2, True)


def test_a_report_in_a_light_installation_says_what_pictures_need(project: Project, light: Path) -> None:
    project.run(light / "morphseq", "report", "--output", "page.html")
    page = (project.root / "page.html").read_text(encoding="utf-8")
    assert "data:image/webp" not in page
    assert "pictures need pillow and tifffile: pip install &#39;morphseq-manifest[stages]&#39;" in page
    assert f'data-rows="{project.manifest("df02").rows}"' in page
    project.run("morphseq", "report", "--output", "whole.html")
    whole = (project.root / "whole.html").read_text(encoding="utf-8")
    assert page.count('class="marks') == whole.count('class="marks')


def test_export_says_what_to_install_and_a_crate_is_checked(project: Project, light: Path, tmp_path: Path) -> None:
    code, said = project.ending(light / "morphseq", "export", "df03", "--output", tmp_path / "df03.zip")
    assert (code, "pip install 'morphseq-manifest[export]'" in said) == (2, True)
    project.morphseq("export", "df03", "--output", tmp_path / "df03.zip")
    assert "as exported" in project.run(light / "morphseq", "verify", "--crate", tmp_path / "df03.zip")


def test_a_light_installation_runs_stages_with_the_python_of_another(project: Project, light: Path) -> None:
    project.edit("params.yaml", "min_latent_coverage: 0.95", "min_latent_coverage: 0.9")
    said = project.run(light / "morphseq", "run", "df03")  # the first `python` on the path is not that of `light`
    assert "df03" in said
    assert project.status() == "Data and pipelines are up to date.\n"


def test_a_stage_that_a_light_installation_is_to_run_says_what_to_install(project: Project, light: Path) -> None:
    project.edit("params.yaml", "min_latent_coverage: 0.95", "min_latent_coverage: 0.9")
    before = project.table("df03").read_bytes()
    code, said = project.ending("env", f"PATH={light}:/usr/bin:/bin", light / "morphseq", "run", "df03")
    assert code == 1
    assert "pip install 'morphseq-manifest[stages]'" in said
    assert project.table("df03").read_bytes() == before
    code, said = project.ending(light / "python", "-m", "stages.images", "20250101")
    assert (code, said.count("\n")) == (2, 1)
    assert said.startswith("error: the stages need pyarrow, scipy, ")
