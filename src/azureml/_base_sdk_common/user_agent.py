"""v1's ``azureml._base_sdk_common.user_agent``: ``append``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"telemetry": ["append"]},
)
