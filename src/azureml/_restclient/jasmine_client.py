"""v1's ``azureml._restclient.jasmine_client``: ``JasmineClient``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"automated ML": ["JasmineClient"]},
)
