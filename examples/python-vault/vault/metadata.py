"""What the vault says of itself (section 3)."""

from .errors import answer
from .request import FIELDS, VERSIONS

CAPABILITIES = ["chat", "embeddings", "vision"]


def server(issuer, provider):
    """Authorization server metadata. What belongs to flows that are not here is left out."""
    return answer(200, {
        "issuer": issuer,
        "token_endpoint": f"{issuer}/okap/token",
        "revocation_endpoint": f"{issuer}/okap/revoke",
        "response_types_supported": [],
        "grant_types_supported": [],
        "authorization_details_types_supported": ["ai_model_access"],
        "client_id_metadata_document_supported": False,
        "token_endpoint_auth_methods_supported": ["none"],
        "protected_resources": [f"{issuer}/v1/{provider}"],
        "okap_versions_supported": VERSIONS,
        "okap_direct_endpoint": f"{issuer}/okap/authorize",
        "okap_limits_endpoint": f"{issuer}/okap/limits",
        "okap_grants_endpoint": f"{issuer}/okap/grants",
        "okap_providers_supported": [provider],
        "okap_capabilities_supported": CAPABILITIES,
        "okap_detail_fields_supported": FIELDS,
        "okap_profiles_supported": ["core", "proxy"],
    })


def resource(issuer, provider):
    """Protected resource metadata of a `base_url`."""
    return answer(200, {
        "resource": f"{issuer}/v1/{provider}",
        "authorization_servers": [issuer],
        "bearer_methods_supported": ["header"],
        "authorization_details_types_supported": ["ai_model_access"],
        "resource_name": f"{provider} through OKAP",
    })
