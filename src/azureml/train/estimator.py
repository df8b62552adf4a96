"""v1's ``azureml.train.estimator``: estimators, which came before ``ScriptRunConfig``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "Gloo": "azureml.train.dnn",
        "Mpi": "azureml.train.dnn",
        "Nccl": "azureml.train.dnn",
        "ParameterServer": "azureml.train.dnn",
    },
    not_yet={"estimators": ["Estimator", "MMLBaseEstimator", "MMLBaseEstimatorRunConfig"]},
)
