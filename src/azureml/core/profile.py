"""v1's ``azureml.core.profile``: ``ModelProfile``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={
        "model profiles": [
            "ModelProfile",
            "MAX_PROFILE_CPU",
            "MAX_PROFILE_MEMORY",
            "MIN_PROFILE_CPU",
            "MIN_PROFILE_MEMORY",
        ]
    },
)
