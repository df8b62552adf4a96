"""v1's ``azureml.core.run``: runs, and what a script finds of its own run."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "InputDatasets": "terrazul.sdk.run_datasets",
        "OutputDatasets": "terrazul.sdk.run_datasets",
        "Run": "terrazul.sdk.run",
        "RunEnvironmentException": "azureml.exceptions",
        "ScriptRun": "azureml.core.script_run",
        "get_run": "terrazul.sdk.run",
        "_OfflineRun": "terrazul.sdk.offline_run",
        "_SubmittedRun": "terrazul.sdk.submitted_run",
    },
    not_yet={"links as outputs": ["LinkOutput"]},
)
