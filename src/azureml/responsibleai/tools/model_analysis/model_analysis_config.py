"""v1's ``azureml.responsibleai.tools.model_analysis.model_analysis_config``: ``ModelAnalysisConfig``."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"responsible AI": ["ModelAnalysisConfig"]},
)
