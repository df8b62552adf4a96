"""v1's ``azureml.contrib.explain.model.visualize``: ``ExplanationDashboard``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "ExplanationDashboard": "azureml.contrib.interpret.visualize",
    },
)
