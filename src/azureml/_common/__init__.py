"""v1's ``azureml._common``: a private module of v1 that public code imports."""
