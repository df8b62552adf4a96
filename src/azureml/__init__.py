"""The v1 module names, answered by Terrazul; no logic lives here.

``__version__`` is the v1 release whose names are answered, for code that prints or compares it; Terrazul's own version
is ``terrazul.__version__``.
"""

__version__ = "1.62.0"
