"""v1's ``azureml.data.hdfs_datastore``: ``HDFSDatastore``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"HDFS": ["HDFSDatastore"]},
)
