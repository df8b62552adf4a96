"""v1's ``azureml.core.script_run``: ``ScriptRun``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "ScriptRun": "terrazul.sdk.run",
    },
)
