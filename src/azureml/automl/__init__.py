"""v1's ``azureml.automl``: what automated machine learning is built of."""
