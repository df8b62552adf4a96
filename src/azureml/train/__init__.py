"""v1's ``azureml.train``: training: sweeps, automated ML, estimators."""
