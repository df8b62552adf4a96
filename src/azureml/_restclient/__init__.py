"""v1's ``azureml._restclient``: private modules of v1's REST client that public code imports."""
