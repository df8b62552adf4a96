"""v1's ``azureml.contrib``: what v1 offered on trial."""
