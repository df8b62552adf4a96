"""v1's ``azureml.interpret.scoring.scoring_explainer``: ``TreeScoringExplainer`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={
        "explanations": [
            "DeepScoringExplainer",
            "KernelScoringExplainer",
            "LinearScoringExplainer",
            "ScoringExplainer",
            "TreeScoringExplainer",
            "load",
            "save",
        ]
    },
)
