"""v1's ``azureml.contrib.train.rl``: ``Ray`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"reinforcement learning": ["Ray", "ReinforcementLearningEstimator", "WorkerConfiguration"]},
)
