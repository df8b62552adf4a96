"""v1's ``azureml.train.automl.exceptions``: what goes wrong in an automated machine learning experiment."""

from azureml.automl.core.shared import exceptions as shared
from terrazul.core.errors import UserErrorException


class AuthorizationException(shared.UserException):
    """The caller may not do this."""


class BadArgumentException(shared.BadArgumentException):
    """An argument does not hold what it must."""


class ClientException(shared.ClientException):
    """The client could not do its part."""


class ConfigException(shared.ConfigException):
    """The settings cannot be used as they are."""


class DataprepException(ClientException):
    """The data could not be prepared."""


class EarlyTerminationException(UserErrorException):
    """The experiment was ended before its time."""


class FeatureUnavailableException(shared.UserException):
    """A feature that is not offered here."""


class FetchNextIterationException(shared.JasmineServiceException):
    """The next pipeline to try could not be had."""


class FileNotFoundException(shared.AutoMLException):
    """A file is not there."""


class InvalidRunState(shared.ScenarioNotSupportedException):
    """The run is in a state in which this cannot be done."""


class MalformedValueException(shared.MalformedValueException):
    """A value has not the form it must have."""


class MissingValueException(shared.MissingValueException):
    """A value that is required is not there."""


class OnnxConvertException(ClientException):
    """A model could not be written as ONNX."""


class SystemException(shared.AutoMLException):
    """A fault of the platform."""


class ServiceException(SystemException):
    """The server could not do its part."""


class ApiInvocationException(ServiceException):
    """A call of the server failed."""


class DatasetServiceException(ServiceException):
    """The part of the server that knows datasets failed."""


class AutoMLExperimentException(SystemException):
    """The experiment itself failed."""


class PreTrainingException(AutoMLExperimentException):
    """A step before training failed."""


class CacheException(PreTrainingException):
    """Prepared data could not be kept or read."""


class FeaturizationException(PreTrainingException):
    """Features could not be made."""


class ProblemInfoException(PreTrainingException):
    """The facts about the problem could not be set."""


class TrainingException(AutoMLExperimentException):
    """Training failed."""


class MetricCalculationException(TrainingException):
    """A metric could not be calculated."""


class ModelFitException(TrainingException):
    """A model could not be fitted."""


class PostTrainingException(AutoMLExperimentException):
    """A step after training failed."""


class ModelExplanationException(PostTrainingException):
    """A model could not be explained."""


class OnnxException(PostTrainingException):
    """An ONNX model could not be used."""


class ValidationException(shared.ValidationException):
    """A check before training failed."""


class NotFoundException(ValidationException):
    """Something that was named does not exist."""


class DataException(ValidationException, shared.DataException):
    """The data cannot be used as it is."""


class UnhashableEntryException(DataException):
    """A column holds values that cannot be told apart."""


class DataValidationException(ValidationException):
    """The data failed a check."""


class DataPrepValidationException(DataValidationException):
    """The description of the data failed a check."""


class DataScriptException(DataValidationException):
    """The script that gives the data failed a check."""


class ForecastingDataException(DataValidationException):
    """The data of a forecast failed a check."""
