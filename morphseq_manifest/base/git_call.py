"""How git is asked: carefully, and at once."""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

# A project may come from anybody: git runs nothing that the project's own configuration names, and fetches nothing.
CAREFULLY = (
    "--no-pager", "--no-optional-locks",
    "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "log.showSignature=false",
    "-c", "protocol.allow=never", "-c", "core.quotePath=false",
)  # fmt: skip
ENVIRONMENT = {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1"}
# By these, git tells its hooks and whoever else it starts of the repository at work, which may be another one than that
# which the folder is in: this is asked, and its own index, as DVC does. They are what `git rev-parse --local-env-vars`
# says, but for GIT_CONFIG..., by which people give settings.
_OF_ANOTHER = {
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_DIR", "GIT_GRAFT_FILE", "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE", "GIT_INTERNAL_SUPER_PREFIX", "GIT_NO_REPLACE_OBJECTS", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX",
    "GIT_REPLACE_REF_BASE", "GIT_SHALLOW_FILE", "GIT_WORK_TREE",
}  # fmt: skip


class Told:
    """What git answered: its exit status, its output, and what it complained about."""

    def __init__(self, returncode: int, stdout: bytes, stderr: bytes) -> None:
        self.returncode, self.stdout, self.stderr = returncode, stdout, stderr


def call(folder: "str | os.PathLike[str]", arguments: "Sequence[str]", given: bytes = b"") -> Told:
    """git in a folder, ended. Raises OSError if it can't be asked.

    As subprocess does it, which takes longer to import than git takes to answer.
    """
    reader, writer = os.pipe()
    question = complaints = None
    try:
        question, complaints = _with(given), _in_memory()
        moved = [(os.POSIX_SPAWN_DUP2, handle, place) for place, handle in enumerate((question, writer, complaints))]
        words = ["git", "-C", os.fspath(folder), *CAREFULLY, *arguments]
        pid = os.posix_spawnp("git", words, surroundings() | ENVIRONMENT, file_actions=moved)
        os.close(writer)
        writer = -1
        with open(reader, "rb", buffering=0, closefd=False) as file:
            output = file.readall()
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.lseek(complaints, 0, os.SEEK_SET)
        with open(complaints, "rb", buffering=0, closefd=False) as file:
            return Told(status, output, file.readall())
    finally:
        for handle in (reader, writer, question, complaints):
            if handle is not None and handle >= 0:
                os.close(handle)


def surroundings() -> dict[str, str]:
    """The environment without what says that the repository is another one than that which the folder is in."""
    return {name: value for name, value in os.environ.items() if name not in _OF_ANOTHER}


def _with(given: bytes) -> int:
    """A handle from which these bytes can be read."""
    if not given:
        return os.open(os.devnull, os.O_RDONLY)
    handle = _in_memory()
    with open(handle, "wb", closefd=False) as file:
        file.write(given)
    os.lseek(handle, 0, os.SEEK_SET)
    return handle


def _in_memory() -> int:
    """A handle of a file in memory alone, if the system has such; else of one without a name."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("git")
    import tempfile

    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
