"""v1's ``azureml.opendatasets``: public data sets that v1 offered."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {},
    not_yet={
        "open datasets": ["Diabetes", "NoaaIsdWeather", "NycTlcGreen", "NycTlcYellow", "OjSalesSimulated", "MNIST"]
    },
)
