"""v1's ``azureml.datadrift.alert_configuration``: ``AlertConfiguration``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"datasets": ["AlertConfiguration"]},
)
