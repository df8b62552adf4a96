"""v1's ``azureml.widgets.run_details``: ``RunDetails``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "RunDetails": "terrazul.sdk.widget",
        "PLATFORM": "terrazul.sdk.widget",
    },
)
