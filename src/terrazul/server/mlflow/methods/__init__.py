"""Every method of MLflow's protocol that has a fixed address."""

from __future__ import annotations

from terrazul.server.mlflow.methods import experiments, recording, registry, runs

METHODS = [*experiments.methods, *runs.methods, *recording.methods, *registry.methods]
