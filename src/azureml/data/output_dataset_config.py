"""v1's ``azureml.data.output_dataset_config``: ``OutputFileDatasetConfig`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "MountOptions": "terrazul.sdk.output_dataset",
        "OutputDatasetConfig": "terrazul.sdk.output_dataset",
        "OutputFileDatasetConfig": "terrazul.sdk.output_file_dataset",
        "OutputTabularDatasetConfig": "terrazul.sdk.output_file_dataset",
        "RegistrationConfiguration": "terrazul.sdk.output_dataset",
        "TransformationMixin": "terrazul.sdk.output_file_dataset",
        "UploadOptions": "terrazul.sdk.output_dataset",
    },
    not_yet={
        "Spark": ["HDFSOutputDatasetConfig"],
        "links as outputs": ["LinkFileOutputDatasetConfig", "LinkTabularOutputDatasetConfig"],
    },
)
