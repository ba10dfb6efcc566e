"""Programs among the project's own stages that answer a question, since the library imports no stage."""

import shutil
import subprocess
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.base.kinds import known

_Answer = TypeVar("_Answer")


def ask(root: Path, module: str, given: Any, kind: type[_Answer], what: str) -> _Answer:
    """What a module of the project in `root` says, of type `kind`, run by the `python` that runs stages.

    It reads what is `given` as JSON, and answers in JSON. Raises ConfigError if it does not; `what` could not be done
    then.
    """
    python = shutil.which("python")
    if python is None:
        raise ConfigError("there is no `python` on the path. Activate the environment that the stages run in")
    done = subprocess.run(
        [python, "-m", module], cwd=root, input=msgspec.json.encode(given), stdout=subprocess.PIPE, check=False
    )
    try:
        return msgspec.json.decode(done.stdout, type=known(kind))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{root}: {what}: `python -m {module}` ended with exit status {done.returncode}. "
            "Correct what it says, or activate the environment that the stages run in"
        ) from error
