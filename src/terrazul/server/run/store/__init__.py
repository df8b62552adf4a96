"""The rows of runs, metrics, artifacts and logs."""
