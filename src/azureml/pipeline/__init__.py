"""v1's ``azureml.pipeline``: pipelines and their steps."""
