"""v1's curated environments (``AzureML-…``) and what stands for them here.

v1 served them as images of its registry. Here each is a list of the packages that its name promises, in the versions
that suit the Python at hand: the old versions in the names are those of images that are gone.
"""

from __future__ import annotations

from typing import Dict, List

from terrazul.core.errors import NotFound

PREFIX = "azureml-"

_TABLES = ["numpy", "pandas"]
_LEARNING = [*_TABLES, "scipy", "scikit-learn", "joblib"]
_PACKAGES: Dict[str, List[str]] = {
    "acpt": [*_LEARNING, "torch", "torchvision"],
    "ai-studio": [*_LEARNING],
    "automl": [*_LEARNING, "lightgbm", "xgboost"],
    "chainer": [*_TABLES, "chainer"],
    "dask": [*_LEARNING, "dask[complete]", "distributed"],
    "designer": [*_LEARNING, "lightgbm", "matplotlib"],
    "fairlearn": [*_LEARNING, "fairlearn", "matplotlib"],
    "hyperdrive": [*_LEARNING, "lightgbm"],
    "interpret": [*_LEARNING, "interpret-community"],
    "lightgbm": [*_LEARNING, "lightgbm", "xgboost", "matplotlib"],
    "minimal": [],
    "mlflow": [*_LEARNING, "mlflow"],
    "onnxruntime": ["numpy", "onnxruntime"],
    "pyspark": [*_TABLES, "pyspark"],
    "pytorch": [*_LEARNING, "torch", "torchvision", "tensorboard", "matplotlib"],
    "responsibleai": [*_LEARNING, "responsibleai"],
    "scikit-learn": [*_LEARNING, "matplotlib"],
    "sklearn": [*_LEARNING, "matplotlib"],
    "tensorflow": [*_LEARNING, "tensorflow", "matplotlib"],
    "tutorial": [*_LEARNING, "matplotlib", "seaborn", "requests", "pyarrow"],
    "vowpalwabbit": [*_TABLES, "vowpalwabbit"],
    "xgboost": [*_LEARNING, "xgboost"],
}
"""The packages by the word that follows the prefix in a name; ``azureml-defaults`` is in each."""

VERSION = "1"
LISTED = [
    "AzureML-AutoML",
    "AzureML-Dask-CPU",
    "AzureML-Minimal",
    "AzureML-PyTorch-1.6-CPU",
    "AzureML-Scikit-learn-0.20.3",
    "AzureML-TensorFlow-2.2-CPU",
    "AzureML-Tutorial",
    "AzureML-lightgbm-3.2-ubuntu18.04-py37-cpu",
    "AzureML-mlflow-ubuntu18.04-py37-cpu-inference",
    "AzureML-sklearn-0.24-ubuntu18.04-py37-cpu",
    "AzureML-sklearn-1.0-ubuntu20.04-py38-cpu",
]
"""Names that v1's own examples and notebooks ask for; every other that begins with a known word is answered, too."""


def is_curated(name: str) -> bool:
    """True for a name that is reserved for curated environments."""
    return name.lower().startswith(PREFIX)


def packages(name: str) -> List[str]:
    """The pip packages of a curated environment. Raises ``NotFound``."""
    rest = name.lower()[len(PREFIX) :]
    for word in sorted(_PACKAGES, key=len, reverse=True):
        if rest == word or rest.startswith(f"{word}-"):
            return ["azureml-defaults", *_PACKAGES[word]]
    raise NotFound(
        f"There is no curated environment {name!r}.",
        target=name,
        hint="Known are names that begin with " + ", ".join(f"AzureML-{word}" for word in sorted(_PACKAGES)) + ".",
    )
