"""v1's ``azureml.data.dbfs_datastore``: ``DBFSDatastore``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"Databricks": ["DBFSDatastore"]},
)
