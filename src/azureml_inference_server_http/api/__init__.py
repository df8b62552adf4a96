"""v1's ``azureml_inference_server_http.api``: ``aml_request`` and ``aml_response``."""
