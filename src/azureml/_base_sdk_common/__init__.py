"""v1's ``azureml._base_sdk_common``: a private module of v1 that public code imports."""
