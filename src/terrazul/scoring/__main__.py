"""``python -m terrazul.scoring <folder>`` serves the web service of a folder, until it is told to end.

Start it with ``-I`` (isolated), so that nothing is imported from the current folder or from a user's variables.
"""

import sys

if not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
    del sys.path[0]

from terrazul.scoring.supervisor import main

sys.exit(main(sys.argv[1:]))
