"""v1's ``azureml.train.hyperdrive.parameter_expressions``: how a hyperparameter is drawn."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={
        "hyperparameter sweeps": [
            "choice",
            "lognormal",
            "loguniform",
            "normal",
            "qlognormal",
            "qloguniform",
            "qnormal",
            "quniform",
            "randint",
            "uniform",
        ]
    },
)
