"""The pipeline's stages, one module a stage of dvc.yaml; what they share stands in the rooms."""

import sys
from importlib.util import find_spec

from morphseq_manifest.base.console import note
from morphseq_manifest.base.errors import ExitCode

# What they import, and a light installation of the library lacks.
_NEEDED = (
    "numpy",
    "pyarrow",
    "scipy",
    "skimage",
    "PIL",
    "tifffile",
    "openpyxl",
    "torch",
    "safetensors",
    "transformers",
)

if _missing := [name for name in _NEEDED if find_spec(name) is None]:
    note(f"error: the stages need {', '.join(_missing)}. Type: pip install 'morphseq-manifest[stages]'")
    sys.exit(ExitCode.USAGE)
