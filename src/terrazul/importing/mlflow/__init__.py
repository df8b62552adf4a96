"""What MLflow keeps, read without MLflow: its folders, its databases, and the trees of mlflow-export-import."""
