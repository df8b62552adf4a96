"""v1's ``azureml.core.script_run_config``: how a script is submitted."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "RunConfiguration": "azureml.core.runconfig",
        "ScriptRunConfig": "terrazul.sdk.script_run_config",
        "get_run_config_from_script_run": "terrazul.sdk.script_run_config",
        "submit": "terrazul.sdk.script_run_config",
    },
)
