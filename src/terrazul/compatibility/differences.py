"""Where a v1 name works otherwise than in v1, and how: each a decision, most of them because users asked for it."""

from __future__ import annotations

from typing import Dict

DIFFERENCES: Dict[str, str] = {
    "azureml.core.authentication.AzureCliAuthentication": "signs in with the server's token, without Azure's CLI",
    "azureml.core.authentication.InteractiveLoginAuthentication": "signs in with the server's token, without a browser",
    "azureml.core.authentication.MsiAuthentication": "signs in with the server's token, without a managed identity",
    "azureml.core.authentication.ServicePrincipalAuthentication": (
        "signs in with the server's token; the principal's password is neither kept nor sent"
    ),
    "azureml.telemetry.get_diagnostics_collection_info": "always tells that nothing is sent",
    "azureml.telemetry.set_diagnostics_collection": "is accepted; nothing is collected and nothing is sent",
}
