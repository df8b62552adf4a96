"""MLflow's REST protocol over the same services and tables as the SDK's face: each workspace is an MLflow server."""
