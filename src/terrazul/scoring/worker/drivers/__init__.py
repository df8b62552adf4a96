"""What answers for models that need no entry script: modules with ``init``, ``run`` and ``run_batch``."""
