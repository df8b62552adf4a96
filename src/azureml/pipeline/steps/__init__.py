"""v1's ``azureml.pipeline.steps``: every kind of pipeline step."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "AdlaStep": "azureml.pipeline.steps.adla_step",
        "AutoMLStep": "azureml.pipeline.steps.automl_step",
        "AutoMLStepRun": "azureml.pipeline.steps.automl_step",
        "AzureBatchStep": "azureml.pipeline.steps.azurebatch_step",
        "CommandStep": "azureml.pipeline.steps.command_step",
        "DataTransferStep": "azureml.pipeline.steps.data_transfer_step",
        "DatabricksStep": "azureml.pipeline.steps.databricks_step",
        "EstimatorStep": "azureml.pipeline.steps.estimator_step",
        "HyperDriveStep": "azureml.pipeline.steps.hyper_drive_step",
        "HyperDriveStepRun": "azureml.pipeline.steps.hyper_drive_step",
        "KustoStep": "azureml.pipeline.steps.kusto_step",
        "ModuleStep": "azureml.pipeline.steps.module_step",
        "MpiStep": "azureml.pipeline.steps.mpi_step",
        "ParallelRunConfig": "azureml.pipeline.steps.parallel_run_config",
        "ParallelRunStep": "azureml.pipeline.steps.parallel_run_step",
        "PythonScriptStep": "azureml.pipeline.steps.python_script_step",
        "RScriptStep": "azureml.pipeline.steps.r_script_step",
        "SynapseSparkStep": "azureml.pipeline.steps.synapse_spark_step",
    },
)
