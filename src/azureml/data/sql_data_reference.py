"""v1's ``azureml.data.sql_data_reference``: ``SqlDataReference``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"pipelines": ["SqlDataReference"]},
)
