"""v1's ``azureml.core.script_run_config``: how a script is submitted."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "RunConfiguration": "azureml.core.runconfig",
    },
    not_yet={"runs": ["ScriptRunConfig", "get_run_config_from_script_run", "submit"]},
)
