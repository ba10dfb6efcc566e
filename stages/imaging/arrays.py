"""The kinds of arrays that stages hand on: grey frames, masks, label images, and the box an embryo lies in."""

import numpy as np
from numpy.typing import NDArray

# (H, W): brightness; or, as QC networks give them, 0 and 255.
Grey = NDArray[np.uint8]
# (H, W): a frame's embryos as pixel values 1.., 0 if there is none.
Labels = NDArray[np.uint8]
# (H, W), or (h, w) for a part of a frame.
Mask = NDArray[np.bool_]
# The rows and columns of a part of a frame.
Slices = tuple[slice, slice]
