"""v1's ``azureml.data.datacache_consumption_config``: ``DatacacheConsumptionConfig``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"data caches": ["DatacacheConsumptionConfig"]},
)
