"""v1's ``azureml.core.compute``: every kind of compute target."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "AdlaCompute": "azureml.core.compute.adla",
        "AksCompute": "azureml.core.compute.aks",
        "AmlCompute": "azureml.core.compute.amlcompute",
        "BatchCompute": "azureml.core.compute.batch",
        "ComputeInstance": "azureml.core.compute.computeinstance",
        "ComputeTarget": "azureml.core.compute.compute",
        "ComputeTargetException": "azureml.exceptions",
        "DataFactoryCompute": "azureml.core.compute.datafactory",
        "DatabricksCompute": "azureml.core.compute.databricks",
        "DsvmCompute": "azureml.core.compute.dsvm",
        "HDInsightCompute": "azureml.core.compute.hdinsight",
        "KubernetesCompute": "azureml.core.compute.kubernetescompute",
        "KustoCompute": "azureml.core.compute.kusto",
        "RemoteCompute": "azureml.core.compute.remote",
        "SynapseCompute": "azureml.core.compute.synapse",
    },
)
