"""How git is asked, and asking it once more what it was asked before: quickly, since nothing may have changed."""

import os

# A project may come from anybody: git runs nothing that the project's own configuration names, and fetches nothing.
CAREFULLY = (
    "--no-pager", "--no-optional-locks",
    "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "log.showSignature=false",
    "-c", "protocol.allow=never", "-c", "core.quotePath=false",
)  # fmt: skip
ENVIRONMENT = {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1"}


def ask(folder: str, arguments: list[str], given: bytes) -> tuple[int, bytes]:
    """git's exit status and output in a folder; its complaints are passed over. Raises OSError if it can't be asked.

    As subprocess does it, which takes longer to import than git takes to answer.
    """
    reader, writer = os.pipe()
    question = None
    try:
        question = _with(given)
        nothing = (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)
        moved = [(os.POSIX_SPAWN_DUP2, question, 0), (os.POSIX_SPAWN_DUP2, writer, 1), nothing]
        words = ["git", "-C", folder, *CAREFULLY, *arguments]
        pid = os.posix_spawnp("git", words, os.environ | ENVIRONMENT, file_actions=moved)
        os.close(writer)
        writer = -1
        with open(reader, "rb", buffering=0, closefd=False) as file:
            output = file.readall()
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), output
    finally:
        for handle in (reader, writer, question):
            if handle is not None and handle >= 0:
                os.close(handle)


def _with(given: bytes) -> int:
    """A handle from which these bytes can be read: of a file in memory alone, where the system has such."""
    if not given:
        return os.open(os.devnull, os.O_RDONLY)
    if hasattr(os, "memfd_create"):
        handle = os.memfd_create("question")
    else:
        import tempfile

        with tempfile.TemporaryFile() as file:
            handle = os.dup(file.fileno())
    os.write(handle, given)
    os.lseek(handle, 0, os.SEEK_SET)
    return handle
