"""v1's ``azureml.contrib.fairness``: ``download_dashboard_by_upload_id``, ``upload_dashboard_dictionary``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"fairness dashboards": ["download_dashboard_by_upload_id", "upload_dashboard_dictionary"]},
)
