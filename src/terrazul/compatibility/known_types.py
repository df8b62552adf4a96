"""What v1's members give back, as far as a reader of v1 code can know it without running it.

``"Run"`` is an object, ``"[Run]"`` many of them, ``"{Run}"`` a mapping from names to them, ``"(Run)"`` a tuple that
begins with one, ``"?Run"`` most likely a run, and ``"-"`` something that is none of v1's. Members are those of the
class or of one it inherits from.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Dict, Optional

from terrazul.compatibility import surface

_GIVES: Dict[str, Dict[str, str]] = {
    "Workspace": {
        "Workspace": "create from_config get setup",
        "?AzureBlobDatastore": "get_default_datastore",
        "ComputeTarget": "get_default_compute_target",
        "Keyvault": "get_default_keyvault",
        "Run": "get_run",
        "?{AzureBlobDatastore}": "datastores",
        "{ComputeTarget}": "compute_targets",
        "{Environment}": "environments",
        "{Experiment}": "experiments",
        "{Image}": "images",
        "{LinkedService}": "linked_services",
        "{Model}": "models",
        "{AbstractDataset}": "datasets",
        "{Webservice}": "webservices",
    },
    "Experiment": {
        "Workspace": "workspace workspace_object",
        "Run": "start_logging submit",
        "[Run]": "get_runs",
        "[Experiment]": "list",
    },
    "Run": {
        "Run": "child_run get get_context parent",
        "[Run]": "create_children get_children list",
        "Experiment": "experiment",
        "Environment": "get_environment",
        "Model": "register_model",
        "?{AbstractDataset}": "input_datasets output_datasets",
        "-": "get_metrics get_details get_properties get_tags get_file_names properties tags",
    },
    "AutoMLRun": {"(Run)": "get_output", "Run": "get_best_child"},
    "HyperDriveRun": {"Run": "get_best_run_by_primary_metric"},
    "PipelineRun": {
        "[StepRun]": "find_step_run get_steps",
        "PortDataReference": "get_pipeline_output",
        "PublishedPipeline": "publish_pipeline",
        "PipelineRun": "get",
        "[PipelineRun]": "get_pipeline_runs",
    },
    "StepRun": {
        "PortDataReference": "get_output_data",
        "StepRunOutput": "get_output",
        "{StepRunOutput}": "get_outputs",
    },
    "StepRunOutput": {"PortDataReference": "get_port_data_reference"},
    "ScriptRunConfig": {"RunConfiguration": "run_config"},
    "RunConfiguration": {
        "RunConfiguration": "load",
        "Environment": "environment",
        "DockerConfiguration": "docker",
        "HistoryConfiguration": "history",
        "MpiConfiguration": "mpi",
        "TensorflowConfiguration": "tensorflow",
        "PyTorchConfiguration": "pytorch",
        "SparkConfiguration": "spark",
        "AmlComputeConfiguration": "amlcompute",
    },
    "Environment": {
        "Environment": "clone from_conda_specification from_docker_build_context from_docker_image from_dockerfile "
        "from_existing_conda_environment from_pip_requirements get load_from_directory register",
        "{Environment}": "list",
        "PythonSection": "python",
        "DockerSection": "docker",
        "SparkSection": "spark",
        "DatabricksSection": "databricks",
        "RSection": "r",
        "ImageBuildDetails": "build build_local",
    },
    "PythonSection": {"CondaDependencies": "conda_dependencies"},
    "DockerSection": {"ContainerRegistry": "base_image_registry", "DockerImagePlatform": "platform"},
    "CondaDependencies": {"CondaDependencies": "create"},
    "ComputeTarget": {"ComputeTarget": "attach create", "[ComputeTarget]": "list", "?AmlComputeStatus": "get_status"},
    "AmlCompute": {"AmlComputeProvisioningConfiguration": "provisioning_configuration"},
    "AmlComputeStatus": {"ScaleSettings": "scale_settings", "AmlComputeNodeStateCounts": "node_state_counts"},
    "ComputeInstance": {"ComputeInstanceProvisioningConfiguration": "provisioning_configuration"},
    "AksCompute": {
        "AksProvisioningConfiguration": "provisioning_configuration",
        "AksAttachConfiguration": "attach_configuration",
    },
    "DatabricksCompute": {"DatabricksAttachConfiguration": "attach_configuration"},
    "RemoteCompute": {"RemoteComputeAttachConfiguration": "attach_configuration"},
    "Datastore": {
        "?AzureBlobDatastore": "get get_default",
        "AzureBlobDatastore": "register_azure_blob_container",
        "AzureFileDatastore": "register_azure_file_share",
        "AzureDataLakeDatastore": "register_azure_data_lake",
        "AzureDataLakeGen2Datastore": "register_azure_data_lake_gen2",
        "AzureSqlDatabaseDatastore": "register_azure_sql_database",
        "AzurePostgreSqlDatastore": "register_azure_postgre_sql",
    },
    "AbstractAzureStorageDatastore": {"DataReference": "as_download as_mount as_upload path upload upload_files"},
    "AzureBlobDatastore": {"DataReference": "upload upload_files"},
    "DataReference": {"DataReference": "as_download as_mount as_upload path"},
    "Dataset": {
        "AbstractDataset": "get get_by_id get_by_name",
        "TabularDatasetFactory": "Tabular",
        "FileDatasetFactory": "File",
    },
    "TabularDatasetFactory": {
        "TabularDataset": "from_delimited_files from_json_lines_files from_parquet_files from_sql_query "
        "register_dask_dataframe register_pandas_dataframe register_spark_dataframe"
    },
    "FileDatasetFactory": {"FileDataset": "from_files upload_directory"},
    "AbstractDataset": {
        "DatasetConsumptionConfig": "as_named_input",
        "AbstractDataset": "get_by_id get_by_name register",
    },
    "TabularDataset": {
        "TabularDataset": "drop_columns filter keep_columns partition_by skip take take_sample time_after time_before "
        "time_between time_recent with_timestamp_columns",
        "[TabularDataset]": "random_split",
        "-": "to_dask_dataframe to_pandas_dataframe to_spark_dataframe",
    },
    "FileDataset": {
        "DatasetConsumptionConfig": "as_download as_hdfs as_mount",
        "FileDataset": "file_metadata filter skip take take_sample",
        "[FileDataset]": "random_split",
        "-": "download mount to_path",
    },
    "DatasetConsumptionConfig": {"DatasetConsumptionConfig": "as_download as_hdfs as_mount"},
    "OutputFileDatasetConfig": {
        "OutputFileDatasetConfig": "as_mount as_upload register_on_complete",
        "OutputTabularDatasetConfig": "read_delimited_files read_parquet_files",
        "DatasetConsumptionConfig": "as_input",
    },
    "Model": {
        "Model": "register",
        "[Model]": "list",
        "Webservice": "deploy",
        "ModelPackage": "package",
        "ModelProfile": "profile",
        "-": "deserialize download get_model_path",
    },
    "Webservice": {
        "Webservice": "deploy deploy_from_image deploy_from_model deploy_local_from_model",
        "[Webservice]": "list",
        "Image": "image",
        "-": "get_keys get_logs get_token run",
    },
    "AciWebservice": {"AciServiceDeploymentConfiguration": "deploy_configuration"},
    "AksWebservice": {"AksServiceDeploymentConfiguration": "deploy_configuration"},
    "LocalWebservice": {"LocalWebserviceDeploymentConfiguration": "deploy_configuration"},
    "Image": {"Image": "create"},
    "ContainerImage": {"ContainerImageConfig": "image_configuration"},
    "Pipeline": {"PipelineRun": "submit", "PublishedPipeline": "publish", "Pipeline": "load_yaml"},
    "PublishedPipeline": {"PublishedPipeline": "get", "[PublishedPipeline]": "get_all list", "PipelineRun": "submit"},
    "PipelineEndpoint": {
        "PipelineEndpoint": "get publish",
        "[PipelineEndpoint]": "list",
        "PipelineRun": "submit",
        "[PublishedPipeline]": "list_pipelines",
    },
    "PipelineData": {"PipelineOutputFileDataset": "as_dataset"},
    "PipelineOutputFileDataset": {
        "PipelineOutputFileDataset": "as_direct as_download as_mount as_named_input",
        "PipelineOutputTabularDataset": "parse_delimited_files parse_parquet_files",
    },
    "Schedule": {
        "Schedule": "create get",
        "[Schedule]": "get_all list",
        "PipelineRun": "get_last_pipeline_run",
        "[PipelineRun]": "get_pipeline_runs",
    },
    "Module": {"Module": "create get", "ModuleVersion": "publish publish_python_script"},
    "MMLBaseEstimator": {"RunConfiguration": "run_config", "CondaDependencies": "conda_dependencies"},
    "DataDriftDetector": {"DataDriftDetector": "create_from_datasets get_by_name", "Run": "run backfill"},
    "ExplanationClient": {"ExplanationClient": "from_run from_run_id"},
}
_FUNCTIONS = {"azureml.core.run.get_run": "Run"}

MADE_BY = {
    "azureml.core.dataset.Dataset": "AbstractDataset",
    "azureml.core.datastore.Datastore": "?AzureBlobDatastore",
}
"""What calling a class gives, where that is an object of another."""

RUN_OF_CONFIGURATION = {
    "AutoMLConfig": "AutoMLRun",
    "AutoMLImageConfig": "AutoMLRun",
    "HyperDriveConfig": "HyperDriveRun",
    "Pipeline": "PipelineRun",
    "PublishedPipeline": "PipelineRun",
    "ScriptRunConfig": "ScriptRun",
}
"""The run that ``Experiment.submit`` gives for each configuration."""

USUAL_NAMES = {
    "ws": "Workspace",
    "workspace": "Workspace",
    "run": "Run",
    "exp": "Experiment",
    "experiment": "Experiment",
}
"""What a variable most likely holds when nothing else tells."""


@lru_cache(maxsize=None)
def _homes() -> Dict[str, str]:
    """The home of each class by its bare name; where several share one, the most used."""
    classes = sorted((facts for module in surface.modules() for facts in module.classes.values()), key=lambda c: c.uses)
    return {facts.name: facts.home for facts in classes}


def home_of(name: str) -> str:
    """The home of the class with that bare name."""
    return _homes()[name]


@lru_cache(maxsize=None)
def _types_by_member() -> Dict[str, str]:
    return {
        f"{home_of(owner)}.{member}": gives
        for owner, types in _GIVES.items()
        for gives, members in types.items()
        for member in members.split()
    }


def given_by(home: str, member: str) -> Optional[str]:
    """What a member of a class, or of a class it inherits from, gives back; ``None`` if that is not known."""
    known = (_types_by_member().get(f"{facts.home}.{member}") for facts in surface.lineage(home))
    return next(filter(None, known), None)


def given_by_function(home: str) -> Optional[str]:
    """What a function gives back; ``None`` if that is not known."""
    return _FUNCTIONS.get(home)
