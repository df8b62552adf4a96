"""v1's ``azureml.data.stored_procedure_parameter``: ``StoredProcedureParameter`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={"pipelines": ["StoredProcedureParameter", "StoredProcedureParameterType"]},
)
