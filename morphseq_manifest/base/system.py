"""What is not done on every system: told in one place, so that what is done instead can be tried on any."""

import sys

# Whether processes are forked. Elsewhere, libraries that a process has loaded may not bear it.
FORKS = sys.platform == "linux"
