"""v1's ``azureml.data.dataset_consumption_config``: ``DatasetConsumptionConfig``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {"DatasetConsumptionConfig": "terrazul.sdk.dataset_consumption"},
)
