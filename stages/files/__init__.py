"""Reading and writing: frames, stacks, tables, and where they lie."""

import logging

# What a library says of a file that it can't read, the stages say themselves, with the file's name.
logging.getLogger("tifffile").setLevel(logging.CRITICAL)
