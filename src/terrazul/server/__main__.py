"""Start the server: ``python -m terrazul.server --home DIRECTORY``, as ``terrazul up`` does."""

import gc
import sys

if __name__ == "__main__":
    gc.disable()  # until it answers: what a start makes, it keeps, and looking through it takes a sixth of the start
    from terrazul.server.process import main

    sys.exit(main())
