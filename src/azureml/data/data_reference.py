"""v1's ``azureml.data.data_reference``: ``DataReference``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {"DataReference": "terrazul.sdk.data_reference"},
)
