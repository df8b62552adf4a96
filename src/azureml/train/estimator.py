"""v1's ``azureml.train.estimator``: estimators, which came before ``ScriptRunConfig``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "Estimator": "terrazul.sdk.estimator",
        "Gloo": "terrazul.sdk.estimator",
        "MMLBaseEstimator": "terrazul.sdk.estimator",
        "Mpi": "terrazul.sdk.estimator",
        "Nccl": "terrazul.sdk.estimator",
        "ParameterServer": "terrazul.sdk.estimator",
    },
    not_yet={"run configurations of estimators": ["MMLBaseEstimatorRunConfig"]},
)
