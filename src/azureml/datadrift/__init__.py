"""v1's ``azureml.datadrift``: ``Metric`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "AlertConfiguration": "azureml.datadrift.alert_configuration",
        "DataDriftDetector": "azureml.datadrift.datadriftdetector",
    },
    not_yet={"datasets": ["Metric", "MetricType", "ModelServingDataset"]},
)
