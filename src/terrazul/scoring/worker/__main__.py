"""``python __main__.py <descriptor> <process id of the front> <script> <driver>``, with our copy on the path."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    del sys.path[0]  # the folder of this file: its modules must not stand in the way of the user's
    from terrazul.scoring.worker.serving import main  # the path is put right above first

    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]))
