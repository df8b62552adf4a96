"""v1's ``azureml.core.conda_dependencies``: conda and pip packages of an environment."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={
        "environments": [
            "CondaDependencies",
            "BASE_PROJECT_FILE_RELATIVE_PATH",
            "BASE_PROJECT_MODULE",
            "CHAINER_PACKAGE_PREFIX",
            "CHANNELS",
            "CNTK_DEFAULT_VERSION",
            "CNTK_PACKAGE_PREFIX",
            "CONDA_FILE_NAME",
            "CPU",
            "CUPY_DEFAULT_VERSION",
            "DEFAULT_CHAINER_VERSION",
            "GPU",
            "HOROVOD_DEFAULT_VERSION",
            "LINUX_PLATFORM",
            "PACKAGES",
            "PIP",
            "PYTHON_DEFAULT_VERSION",
            "PYTHON_PREFIX",
            "PYTORCH_DEFAULT_VERSION",
            "PYTORCH_PACKAGE_PREFIX",
            "TENSORFLOW_DEFAULT_VERSION",
            "TENSORFLOW_PACKAGE_PREFIX",
            "TORCHVISION_DEFAULT_VERSION",
            "TORCHVISION_PACKAGE_PREFIX",
            "WINDOWS_PLATFORM",
        ]
    },
)
