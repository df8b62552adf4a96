"""v1's ``azureml.train.dnn``: estimators for deep learning frameworks."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "Chainer": "terrazul.sdk.estimator",
        "Gloo": "terrazul.sdk.estimator",
        "Mpi": "terrazul.sdk.estimator",
        "Nccl": "terrazul.sdk.estimator",
        "ParameterServer": "terrazul.sdk.estimator",
        "PyTorch": "terrazul.sdk.estimator",
        "TensorFlow": "terrazul.sdk.estimator",
    },
)
