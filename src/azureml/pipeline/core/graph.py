"""v1's ``azureml.pipeline.core.graph``: ``PublishedPipeline`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={
        "pipelines": [
            "DataSource",
            "DataSourceDef",
            "DataSourceNode",
            "DataType",
            "Edge",
            "Graph",
            "InputPort",
            "InputPortBinding",
            "InputPortDef",
            "Module",
            "ModuleDef",
            "ModuleNode",
            "Node",
            "OutputPort",
            "OutputPortBinding",
            "OutputPortDef",
            "Param",
            "ParamDef",
            "PipelineDataset",
            "PipelineParameter",
            "PortDataReference",
            "PublishedPipeline",
            "StoredProcedureParameter",
            "StoredProcedureParameterType",
            "TrainingOutput",
        ]
    },
)
