"""``python -m terrazul.runner <folder>`` executes one run; with ``--deliver`` it sends what a killed runner left.

Start it with ``-I`` (isolated), so that nothing is imported from the current folder or from a user's variables.
"""

import sys

if not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
    del sys.path[0]

from terrazul.runner.run import main

sys.exit(main(sys.argv[1:]))
