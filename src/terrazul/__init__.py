"""Terrazul: a self-hosted machine-learning platform that runs Azure Machine Learning v1 code unchanged."""
