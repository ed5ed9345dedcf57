"""Refusals of calls, in the words of the provider in the path (section 14.2)."""

from .errors import answer
from .reading import clean


def refused(refusal, provider, issuer):
    """The answer that the provider's own SDK understands, with `okap` added."""
    code = refusal.code
    message = f"OKAP: {clean(refusal.said)[:300]}"
    okap = {"code": code, **refusal.members}
    if refusal.grant_id:
        okap["grant_id"] = refusal.grant_id
    if provider == "anthropic":
        error = {"type": code, "message": message}
        body = {"type": "error", "error": error, "message": message, "okap": okap}
    else:
        error = {"message": message, "type": code, "param": None, "code": code}
        body = {"error": error, "okap": okap}
    headers = {"X-Content-Type-Options": "nosniff", **refusal.headers}
    if refusal.status in (401, 403):
        headers["WWW-Authenticate"] = _challenge(refusal, provider, issuer)
    if code in ("upstream_credential_error", "upstream_redirect_refused", "provider_not_configured"):
        headers["x-should-retry"] = "false"
    return answer(refusal.status, body, headers)


def _challenge(refusal, provider, issuer):
    where = f"{issuer}/.well-known/oauth-protected-resource/v1/{provider}"
    error = "insufficient_scope" if refusal.status == 403 else "invalid_token"
    error = "" if refusal.code == "missing_token" else f', error="{error}"'
    return f'Bearer resource_metadata="{where}"{error}'
