"""v1's ``azureml.train.hyperdrive.sampling``: ``RandomParameterSampling`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={
        "hyperparameter sweeps": [
            "BayesianParameterSampling",
            "GridParameterSampling",
            "HyperParameterSampling",
            "RandomParameterSampling",
        ]
    },
)
