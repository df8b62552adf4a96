"""v1's ``azureml.data.context_managers``: ``DatasetContextManager`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"datasets": ["DatasetContextManager", "DatastoreContextManager"]},
)
