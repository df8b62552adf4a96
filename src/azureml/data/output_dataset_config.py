"""v1's ``azureml.data.output_dataset_config``: ``OutputFileDatasetConfig`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={
        "datasets": [
            "HDFSOutputDatasetConfig",
            "LinkFileOutputDatasetConfig",
            "LinkTabularOutputDatasetConfig",
            "MountOptions",
            "OutputDatasetConfig",
            "OutputFileDatasetConfig",
            "OutputTabularDatasetConfig",
            "RegistrationConfiguration",
            "TransformationMixin",
            "UploadOptions",
        ]
    },
)
