"""Content that travels by a remote, a folder or an S3 endpoint: after `dvc pull`, a clone is up to date."""

from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from moto.server import ThreadedMotoServer

from tests.project import Project

FILES = {
    "dvc.yaml": """\
stages:
  double:
    foreach: ${keys}
    do:
      cmd: mkdir -p data && cat in.txt in.txt > data/${item}.txt
      deps: [in.txt]
      outs:
        - data/${item}.txt
  pack:
    cmd: mkdir -p data/all && cp data/a.txt data/b.txt data/all
    deps: [data/a.txt, data/b.txt]
    outs: [data/all]
""",
    "params.yaml": "keys: [a, b]\n",
    "in.txt": "in git\n",
    ".gitignore": "/data\n",
}


class OnS3(Project):
    """A project whose commands know the keys of the endpoint, which takes any."""

    def environment(self) -> dict[str, str]:
        keys = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_DEFAULT_REGION": "us-east-1"}
        return super().environment() | keys | {"NO_PROXY": "127.0.0.1"}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """An S3 endpoint of this process, which nobody else on the network sees."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def make(root: Path) -> Project:
    root.mkdir()
    for name, text in FILES.items():
        (root / name).write_text(text)
    project = OnS3(root)
    project.run("git", "init", "--quiet", "--initial-branch=main")
    project.run("dvc", "init", "--quiet")
    project.run("dvc", "config", "core.analytics", "false")
    return project


def make_bucket(endpoint: str) -> None:
    with urlopen(Request(f"{endpoint}/lab", method="PUT")) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("kind", ["folder", "s3"])
def test_a_clone_is_up_to_date_after_a_pull(tmp_path: Path, kind: str, endpoint: str) -> None:
    project = make(tmp_path / "project")
    if kind == "s3":
        make_bucket(endpoint)
        project.run("dvc", "remote", "add", "--default", "lab", "s3://lab/cache")
        project.run("dvc", "remote", "modify", "lab", "endpointurl", endpoint)
    else:
        project.run("dvc", "remote", "add", "--default", "lab", tmp_path / "remote")
    project.morphseq("run")
    project.commit("All")
    project.run("dvc", "push")

    clone = OnS3(tmp_path / "clone")
    project.run("git", "clone", "--quiet", project.root, clone.root)
    output = clone.morphseq("status", code=1)
    assert "has not run" not in output
    assert "dvc pull" in clone.morphseq("verify", code=3)
    clone.run("dvc", "pull")
    assert "up to date" in clone.status()
    clone.morphseq("status")
    clone.morphseq("verify")
    assert "3 stages: 3 up to date" in clone.morphseq("run")
    assert clone.run("git", "status", "--short") == ""
