"""v1's ``azureml._run_impl``: a private module of v1 that public code imports."""
