"""v1's ``azureml.data.dataset_type_definitions``: ``PromoteHeadersBehavior`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "FileEncoding": "terrazul.sdk.dataset.enumerations",
        "FileType": "terrazul.sdk.dataset.enumerations",
        "HistogramCompareMethod": "terrazul.sdk.dataset.enumerations",
        "PromoteHeadersBehavior": "terrazul.sdk.dataset.enumerations",
        "SkipLinesBehavior": "terrazul.sdk.dataset.enumerations",
    },
)
