"""v1's ``azureml.core.authentication``: ``InteractiveLoginAuthentication`` and what belongs to it."""

from azureml._face import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "AbstractAuthentication": "terrazul.sdk.authentication",
        "ArmTokenAuthentication": "terrazul.sdk.authentication",
        "Audience": "terrazul.sdk.authentication",
        "AuthenticationException": "azureml.exceptions",
        "AzureCliAuthentication": "terrazul.sdk.authentication",
        "AzureMLTokenAuthentication": "terrazul.sdk.authentication",
        "InteractiveLoginAuthentication": "terrazul.sdk.authentication",
        "MsiAuthentication": "terrazul.sdk.authentication",
        "ServicePrincipalAuthentication": "terrazul.sdk.authentication",
        "TokenAuthentication": "terrazul.sdk.authentication",
        "UserErrorException": "azureml.exceptions",
    },
)
