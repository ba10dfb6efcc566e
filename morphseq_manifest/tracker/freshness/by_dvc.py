"""What DVC itself says of stages that have something outside of the project, on this machine or on a remote."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from morphseq_manifest.tracker.freshness.verdict import Verdict, labelled


def ask_dvc(root: Path, stages: Sequence[str]) -> dict[str, Verdict]:
    """DVC's verdict on each of these stages, which may take it a while; where it has none, why."""
    words = [sys.executable, "-P", "-m", "dvc", "status", "--json", "--", *stages]
    done = subprocess.run(words, cwd=root, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    try:
        found: Any = json.loads(done.stdout) if done.returncode in {0, 1} else None
        return {name: _verdict(found.get(name, [])) for name in stages}
    except (ValueError, AttributeError, TypeError):
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["nothing"]
        return {name: Verdict(troubles=[f"`dvc status {name}` says: {said[0]}"]) for name in stages}


def _verdict(entries: list[Any]) -> Verdict:
    """What stands in DVC's JSON about one stage; the way back is `Verdict.as_dvc`."""
    parts = {key: value for entry in entries if isinstance(entry, dict) for key, value in entry.items()}
    deps = parts.get("changed deps", {})
    return Verdict(
        deps={path: what for path, what in deps.items() if isinstance(what, str)},
        settings={
            labelled(file, name): what
            for file, names in deps.items()
            if isinstance(names, dict)
            for name, what in names.items()
        },
        outs=parts.get("changed outs", {}),
        command="changed command" in entries,
        always="always changed" in entries,
    )
