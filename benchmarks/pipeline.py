"""Figures of the first run: copying the default models, and all that `make demo` does after the install."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import Figure, command, median_seconds, seconds

REPOSITORY = Path(__file__).parent.parent
_MODELS_BOUND_S = 10
_DEMO_BOUND_S = 240
_STATUS_BOUND_S = 0.4


def figures(quick: bool) -> Iterator[Figure]:
    """Seconds, on this machine; the bounds are for two cores. Not quick: it is what it is."""
    if quick:
        yield Figure("make models: seconds", None, _MODELS_BOUND_S, note="takes longer than --quick allows")
        yield Figure(
            "make demo after the install: seconds", None, _DEMO_BOUND_S, note="takes longer than --quick allows"
        )
        return
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "project"
        subprocess.run(["git", "clone", "--quiet", str(REPOSITORY), str(root)], check=True)
        plates = seconds(command(sys.executable, "-m", "simulation.plates", "data", folder=root))
        models = seconds(command(sys.executable, "-m", "simulation.default_models", "data", folder=root))
        yield Figure("make models: seconds", models, _MODELS_BOUND_S)
        ran = seconds(command("morphseq", "run", "df03", folder=root))
        shown = seconds(command("morphseq", "provenance", "df01", folder=root))
        status = command("morphseq", "status", folder=root)
        note = f"plates {plates:.0f}, models {models:.0f}, morphseq run {ran:.0f}, provenance {shown:.1f}"
        yield Figure("morphseq status on the demo: seconds", median_seconds(status, 5), _STATUS_BOUND_S)
        yield Figure("make demo after the install: seconds", plates + models + ran + shown, _DEMO_BOUND_S, note=note)
