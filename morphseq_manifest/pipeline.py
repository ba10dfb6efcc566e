"""dvc.yaml: which stages there are, and which modules they run."""

import re
from pathlib import Path

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from morphseq_manifest.errors import ConfigError, UnreadableError

PIPELINE = Path("dvc.yaml")
_MODULE_RUN = re.compile(r"\bpython[\d.]*\s+(?:-\w+\s+)*?-m\s+(\S+)")


class _Command(msgspec.Struct):
    cmd: str | list[str] = ""


class _Stage(_Command):
    do: _Command | None = None


class _Pipeline(msgspec.Struct):
    stages: dict[str, _Stage]


def stage_modules(root: Path = Path()) -> dict[str, list[str]]:
    """The modules that the command of each stage in dvc.yaml runs by `python -m`.

    A stage that runs none has all its code in its command and dependencies, which DVC compares: it is left out.
    """
    path = root / PIPELINE
    try:
        values = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
        stages = msgspec.convert(values, _Pipeline).stages
    except OSError as error:
        raise UnreadableError(f"{path}: can't be read ({error.strerror}). Run this in the project's folder") from error
    except (YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{path}{where}: no valid YAML: {getattr(error, 'problem', error)}") from error
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: no pipeline: {error}") from error
    modules = {stage: _modules_run(entry.do or entry) for stage, entry in stages.items()}
    return {stage: names for stage, names in modules.items() if names}


def _modules_run(command: _Command) -> list[str]:
    lines = [command.cmd] if isinstance(command.cmd, str) else command.cmd
    return [name for line in lines for name in _MODULE_RUN.findall(line)]
