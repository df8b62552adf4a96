"""v1's ``azureml.data.datacache_singularity_settings``: ``DatacacheSingularitySettings`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"data caches": ["DatacacheSingularitySettings", "SingularityPriority", "SingularitySlaTier"]},
)
