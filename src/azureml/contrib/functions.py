"""v1's ``azureml.contrib.functions``: ``package_blob``, ``package_http``, ``package_service_bus_queue``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"function packages": ["package_blob", "package_http", "package_service_bus_queue"]},
)
