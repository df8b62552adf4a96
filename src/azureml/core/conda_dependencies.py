"""v1's ``azureml.core.conda_dependencies``: conda and pip packages of an environment."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "CondaDependencies": "terrazul.sdk.conda_dependencies",
        "BASE_PROJECT_FILE_RELATIVE_PATH": "terrazul.sdk.conda_dependencies",
        "BASE_PROJECT_MODULE": "terrazul.sdk.conda_dependencies",
        "CHAINER_PACKAGE_PREFIX": "terrazul.sdk.conda_dependencies",
        "CHANNELS": "terrazul.sdk.conda_dependencies",
        "CNTK_DEFAULT_VERSION": "terrazul.sdk.conda_dependencies",
        "CNTK_PACKAGE_PREFIX": "terrazul.sdk.conda_dependencies",
        "CONDA_FILE_NAME": "terrazul.sdk.conda_dependencies",
        "CPU": "terrazul.sdk.conda_dependencies",
        "CUPY_DEFAULT_VERSION": "terrazul.sdk.conda_dependencies",
        "DEFAULT_CHAINER_VERSION": "terrazul.sdk.conda_dependencies",
        "GPU": "terrazul.sdk.conda_dependencies",
        "HOROVOD_DEFAULT_VERSION": "terrazul.sdk.conda_dependencies",
        "LINUX_PLATFORM": "terrazul.sdk.conda_dependencies",
        "PACKAGES": "terrazul.sdk.conda_dependencies",
        "PIP": "terrazul.sdk.conda_dependencies",
        "PYTHON_DEFAULT_VERSION": "terrazul.sdk.conda_dependencies",
        "PYTHON_PREFIX": "terrazul.sdk.conda_dependencies",
        "PYTORCH_DEFAULT_VERSION": "terrazul.sdk.conda_dependencies",
        "PYTORCH_PACKAGE_PREFIX": "terrazul.sdk.conda_dependencies",
        "TENSORFLOW_DEFAULT_VERSION": "terrazul.sdk.conda_dependencies",
        "TENSORFLOW_PACKAGE_PREFIX": "terrazul.sdk.conda_dependencies",
        "TORCHVISION_DEFAULT_VERSION": "terrazul.sdk.conda_dependencies",
        "TORCHVISION_PACKAGE_PREFIX": "terrazul.sdk.conda_dependencies",
        "WINDOWS_PLATFORM": "terrazul.sdk.conda_dependencies",
    },
)
