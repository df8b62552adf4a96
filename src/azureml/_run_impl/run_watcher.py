"""v1's ``azureml._run_impl.run_watcher``: ``RunWatcher``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"TensorBoard": ["RunWatcher"]},
)
