"""Where a v1 name works otherwise than in v1, and how: each a decision, most of them because users asked for it."""

from __future__ import annotations

from typing import Dict

DIFFERENCES: Dict[str, str] = {
    "azureml.contrib.services.aml_response.AMLResponse": "needs the package `flask` in the environment, as v1's does",
    "azureml.core.authentication.AzureCliAuthentication": "signs in with the server's token, without Azure's CLI",
    "azureml.core.authentication.InteractiveLoginAuthentication": (
        "signs in with the server's token or that of `terrazul login`, without a browser"
    ),
    "azureml.core.authentication.MsiAuthentication": "signs in with the server's token, without a managed identity",
    "azureml.core.authentication.ServicePrincipalAuthentication": (
        "signs in with the server's token; the principal's password is neither kept nor sent"
    ),
    "azureml.core.conda_dependencies.CondaDependencies.create": (
        "without `python_version` it names the Python that submits, not 3.8.13"
    ),
    "azureml.core.compute.amlcompute.AmlCompute": (
        "nodes are places on the server's machine, made at once; settings of machines in the cloud have no effect"
    ),
    "azureml.core.compute.amlcompute.AmlCompute.wait_for_completion": (
        "does not wait for more nodes than `min_nodes`: those come when runs wait"
    ),
    "azureml.core.compute.amlcompute.AmlCompute.add_identity": "is refused: there are no managed identities",
    "azureml.core.compute.amlcompute.AmlCompute.remove_identity": "as `add_identity`",
    "azureml.core.compute.amlcompute.AmlCompute.list_usages": "tells the nodes of the workspace and its quota",
    "azureml.core.compute.amlcompute.AmlCompute.list_quotas": "as `list_usages`",
    "azureml.core.compute.amlcompute.AmlCompute.update_quotas": "is refused: see `ws.set_quota(compute_nodes=...)`",
    "azureml.core.compute.amlcompute.AmlCompute.supported_vmsizes": "is the server's machine alone",
    "azureml.core.compute.remote.RemoteCompute.attach_configuration": (
        "takes an address; `resource_id` and `vm_name` name machines of Azure, and are refused"
    ),
    "azureml.core.compute.remote.RemoteCompute.get_credentials": (
        "is refused: the credential is in the key vault, which shows it to nobody"
    ),
    "azureml.core.compute.remote.RemoteCompute.delete": "is refused: a machine is detached",
    "azureml.core.datastore.Datastore.register_azure_data_lake": "is refused: Azure has switched Gen1 off",
    "azureml.core.datastore.Datastore.register_azure_sql_database": (
        "signs in with `username` and `password`; a service principal is refused"
    ),
    "azureml.data.azure_storage_datastore.AbstractAzureStorageDatastore.account_key": (
        "raises `CredentialHidden`: the key is in the key vault, which shows it to nobody"
    ),
    "azureml.data.azure_storage_datastore.AbstractAzureStorageDatastore.sas_token": "as `account_key`",
    "azureml.data.azure_storage_datastore.AzureBlobDatastore.download": (
        "a file appears whole or not at all; with `overwrite` one of the same size and time is not fetched again"
    ),
    "azureml.core.workspace.Workspace.get_default_datastore": (
        "`workspaceblobstore` and `workspacefilestore` are folders of the server, of the type `LocalFolder`"
    ),
    "azureml.core.environment.Environment.build": "builds the environment on the compute target's node, and no image",
    "azureml.core.environment.Environment.build_local": "as `build`, with the log on the screen",
    "azureml.core.environment.Environment.docker": (
        "is kept, with a notice in the log: the script runs as a process, not in a container"
    ),
    "azureml.core.environment.Environment.get": "a curated name, `AzureML-…`, gives a local equivalent",
    "azureml.core.environment.PythonSection.conda_dependencies": (
        "a Python that the machine lacks gives way to another, told in log and properties; packages come from PyPI"
    ),
    "azureml.core.experiment.Experiment.submit": (
        "no limit of 300 MB or 2000 files; where no ignore file is, common junk such as `.git` is left out and told of"
    ),
    "azureml.core.model.Model.get_sas_urls": (
        "the addresses carry no signature: who opens one sends `Authorization: Bearer <token>`"
    ),
    "azureml.core.model.Model.download": (
        "appears whole or not at all, every file checked; with `exist_ok` other files of the folder stay"
    ),
    "azureml.core.model.Model.list": "with `latest` the newest of each name that fits the other filters",
    "azureml.core.model.Model.sample_input_dataset": "has an `id` alone where the workspace has no dataset of that id",
    "azureml.core.model.Model.sample_output_dataset": "as `sample_input_dataset`",
    "azureml.core.model.Model.datasets": "as `sample_input_dataset`, in pairs with their roles",
    "azureml.data.file_dataset.FileDataset.as_mount": (
        "where the machine has no FUSE, and for less than 256 MB, the files are brought before the script starts"
    ),
    "azureml.data.output_dataset_config.OutputFileDatasetConfig.as_mount": (
        "the files go to the destination when the script is over; those of a canceled run do not"
    ),
    "azureml.core.model.Model.delete": "is refused, with the users, also for a model that another one was derived from",
    "azureml.core.model.InferenceConfig.extra_docker_file_steps": "is kept, with a notice: no image is built",
    "azureml.core.model.InferenceConfig.base_image": "is kept and not used: the service runs as processes, in no image",
    "azureml.core.model.Model.package": (
        "`generate_dockerfile=True` writes a folder that builds elsewhere; an image is not built"
    ),
    "azureml.core.model.Model.deploy": (
        "to ACI and to local means processes on the server's machine; an update takes over between two requests"
    ),
    "azureml.core.image.image.Image": "keeps the deployment under a name and a version; no image is built",
    "azureml.core.webservice.aci.AciWebservice.deploy_configuration": (
        "has `worker_count` too; `location`, `dns_name_label`, `vnet_name` and `cmk_…` are kept, without effect"
    ),
    "azureml.core.webservice.local.LocalWebservice.deploy_configuration": "has `worker_count` too",
    "azureml.core.webservice.local.LocalWebservice.reload": (
        "serves the source directory as it is now where this object deployed it; else starts the workers anew"
    ),
    "azureml.core.webservice.webservice.Webservice.wait_for_deployment": (
        "ends within seconds of a failure, with the traceback of the entry script"
    ),
    "azureml.core.webservice.webservice.Webservice.regen_key": "when it returns, the old key opens nothing any more",
    "azureml.core.run.Run.register_model": (
        "inside of a submitted run also takes what lies in `outputs/` and was not uploaded yet"
    ),
    "azureml.core.run.Run.log": "a number of NumPy, `np.int64` too, is a number; a call does not wait for the server",
    "azureml.core.experiment.Experiment.start_logging": (
        "takes a snapshot of the folder that `snapshot_directory` names, and none without it; v1 took the current one"
    ),
    "azureml.core.run.Run.log_row": "rows with different columns can be read back, with `None` for a missing cell",
    "azureml.core.runconfig.DockerConfiguration": (
        "is kept, with a notice in the log: the script runs as a process, not in a container"
    ),
    "azureml.core.workspace.Workspace.from_config": (
        "on the embedded server a workspace that is named and does not exist is made"
    ),
    "azureml.data.abstract_dataset.AbstractDataset.register": (
        "a name keeps its version while definition and files are the same, also with `create_new_version`"
    ),
    "azureml.data.abstract_dataset.AbstractDataset.unregister_all_versions": (
        "what a run or a model tells of stays under its id; numbers of versions are not given again"
    ),
    "azureml.data.dataset_factory.TabularDatasetFactory.from_delimited_files": (
        "quoted line breaks are parts of values, whatever `support_multi_line` says; headers that differ are an error"
    ),
    "azureml.data.dataset_factory.DataType.to_stream": "the column keeps its paths as texts",
    "azureml.data.file_dataset.FileDataset.mount": (
        "what lies elsewhere is brought through the cache of the machine when it starts; for reading only"
    ),
    "azureml.data.tabular_dataset.TabularDataset.partition_by": "writes one Parquet file for each pair of values",
    "azureml.data.tabular_dataset.TabularDataset.to_csv_files": (
        "writes a file to the default datastore; a text that looks like a formula gets a `'` before it"
    ),
    "azureml.data.tabular_dataset.TabularDataset.to_dask_dataframe": "reads the rows now, then divides them",
    "azureml.data.tabular_dataset.TabularDataset.to_pandas_dataframe": (
        "what `on_error='null'` leaves out is told in a warning, with file, line and number"
    ),
    "azureml.data.tabular_dataset.TabularDataset.to_parquet_files": "writes a file to the default datastore",
    "azureml.monitoring.modeldatacollector.ModelDataCollector": (
        "writes to a folder of this machine; a list of lists is several rows"
    ),
    "azureml.telemetry.get_diagnostics_collection_info": "always tells that nothing is sent",
    "azureml.telemetry.set_diagnostics_collection": "is accepted; nothing is collected and nothing is sent",
}
