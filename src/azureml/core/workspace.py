"""v1's ``azureml.core.workspace``: ``Workspace``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "ProjectSystemException": "azureml.exceptions",
        "UserErrorException": "azureml.exceptions",
        "Workspace": "terrazul.sdk.workspace",
        "WORKSPACE_DEFAULT_BLOB_STORE_NAME": "terrazul.sdk.workspace",
        "WorkspaceException": "azureml.exceptions",
    },
)
