"""v1's ``azureml.train.hyperdrive.exceptions``: what goes wrong with sweeps over hyperparameters."""

from terrazul.core.errors import TerrazulError


class HyperDriveException(TerrazulError):
    """Something went wrong with a sweep."""

    @property
    def error_code(self) -> str:
        """The code of the error, under the name that v1 gives it."""
        return self.code


class HyperDriveConfigException(HyperDriveException):
    """A sweep is not configured as it must be."""


class HyperDriveScenarioNotSupportedException(HyperDriveConfigException):
    """The settings of a sweep exclude each other."""


class HyperDriveNotImplementedException(HyperDriveScenarioNotSupportedException):
    """A setting that v1 announced and never had."""


class HyperDriveRehydrateException(HyperDriveException):
    """A sweep could not be read back."""


class HyperDriveServiceException(HyperDriveException):
    """The server could not do what a sweep asked for."""
