"""v1's ``azureml.pipeline.core``: pipelines, their graph, their data and their schedules."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "InputPortBinding": "azureml.pipeline.core.graph",
        "Module": "azureml.pipeline.core.module",
        "ModuleVersion": "azureml.pipeline.core.module",
        "ModuleVersionDescriptor": "azureml.pipeline.core.module",
        "OutputPortBinding": "azureml.pipeline.core.graph",
        "Pipeline": "azureml.pipeline.core.pipeline",
        "PipelineData": "azureml.pipeline.core.builder",
        "PipelineDataset": "azureml.pipeline.core.graph",
        "PipelineDraft": "azureml.pipeline.core.pipeline_draft",
        "PipelineEndpoint": "azureml.pipeline.core.pipeline_endpoint",
        "PipelineParameter": "azureml.pipeline.core.graph",
        "PipelineRun": "azureml.pipeline.core.run",
        "PipelineStep": "azureml.pipeline.core.builder",
        "PortDataReference": "azureml.pipeline.core.graph",
        "PublishedPipeline": "azureml.pipeline.core.graph",
        "Schedule": "azureml.pipeline.core.schedule",
        "ScheduleRecurrence": "azureml.pipeline.core.schedule",
        "StepRun": "azureml.pipeline.core.run",
        "StepRunOutput": "azureml.pipeline.core.run",
        "StepSequence": "azureml.pipeline.core.builder",
        "TimeZone": "azureml.pipeline.core.schedule",
        "TrainingOutput": "azureml.pipeline.core.graph",
    },
)
