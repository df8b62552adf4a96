"""v1's ``azureml.telemetry.log_scope``: ``LogScope``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"telemetry": ["LogScope", "context_scope", "ctx_scope"]},
)
