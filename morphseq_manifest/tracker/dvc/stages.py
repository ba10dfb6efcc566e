"""The stages of dvc.yaml, resolved as DVC resolves them; what is not supported is refused, not guessed at."""

import posixpath
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

Settings = Mapping[str, Any]
# The settings in a file, by its path from the project's folder. Raises ConfigError, UnreadableError.
Load = Callable[[str], Settings]


class Output(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a stage makes: a path from the project's folder; whether DVC caches it, and leaves it there for a run.

    `metric`: it is one of the stage's metrics or plots, which the run cache holds even where DVC's cache does not.
    """

    path: str
    cache: bool
    persist: bool
    metric: bool


class Stage(msgspec.Struct, frozen=True, array_like=True):
    """One stage: `images@20240418` is the stage of group `images` for the key `20240418`; `df01` has no key.

    `deps`, the paths of `outs` and the files of `params` are from the project's folder. `params` are dotted names by
    file; none are all that is in the file. The command runs in the folder `wdir`, from which dvc.yaml and dvc.lock
    write paths: `written` has, by path, those that they write otherwise. `file` is the file of DVC's that it is in;
    of one in a folder the stage's name begins with it, `sub/dvc.yaml:train`. `unseen` are remotes and paths outside of
    the project that it depends on or makes, which are not looked at.
    """

    name: str
    group: str
    key: str | None
    cmd: str | list[str]
    deps: list[str]
    params: dict[str, list[str]]
    outs: list[Output]
    meta: dict[str, Any]
    frozen: bool
    always_changed: bool
    wdir: str = ""
    written: dict[str, str] = {}
    file: str = "dvc.yaml"
    unseen: list[str] = []

    @property
    def is_data(self) -> bool:
        """Whether it is data that a `.dvc` file tracks, which no command makes."""
        return self.file.endswith(".dvc")

    @property
    def lock_name(self) -> str:
        """Its name in the dvc.lock beside its file."""
        return self.name.removeprefix(f"{self.file}:")

    def paths(self) -> Iterator[str]:
        """Its dependencies and outputs."""
        yield from self.deps
        for out in self.outs:
            yield out.path

    def reads(self) -> Iterator[str]:
        """What it depends on: its dependencies, and the files of its settings."""
        yield from self.deps
        yield from self.params

    def as_written(self, path: str) -> str:
        """How dvc.yaml and dvc.lock write a path."""
        return self.written.get(path, path)

    def placed(self, written: str) -> str:
        """The path from the project's folder of what dvc.lock writes so."""
        return posixpath.normpath(posixpath.join(self.wdir, written)) if self.written else written


def file_name(stage: str) -> str:
    """A name for a file of a stage's: its own as far as a file can have that. `stage_name` is the way back."""
    return stage.replace("%", "%25").replace("/", "%2F")


def stage_name(file: str) -> str:
    """The stage whose `file_name` this is."""
    return file.replace("%2F", "/").replace("%25", "%")


def place(root: str, path: str) -> str:
    """Where a path from the project's folder is; a dependency may be outside, and then it may be absolute."""
    return path if path[:1] == "/" else f"{root}/{path}"


def is_outside(path: str) -> bool:
    """Whether a path, in its shortest form, leads out of the project's folder."""
    return path.startswith(("/", "../"))


def parents(path: str) -> Iterator[str]:
    """The folders that a path is in, the nearest first, without the project's own."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path
