"""v1's ``azureml.data.datapath``: ``DataPath`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "DataPath": "terrazul.sdk.datapath",
        "DataPathComputeBinding": "terrazul.sdk.datapath",
    },
)
