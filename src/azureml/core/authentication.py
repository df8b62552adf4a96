"""v1's ``azureml.core.authentication``: ``InteractiveLoginAuthentication`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "AuthenticationException": "azureml.exceptions",
        "UserErrorException": "azureml.exceptions",
    },
    not_yet={
        "authentication": [
            "AbstractAuthentication",
            "ArmTokenAuthentication",
            "Audience",
            "AzureCliAuthentication",
            "AzureMLTokenAuthentication",
            "InteractiveLoginAuthentication",
            "MsiAuthentication",
            "ServicePrincipalAuthentication",
            "TokenAuthentication",
        ]
    },
)
