"""Refusals, and how the vault's own endpoints say them (sections 14.1 and 14.2)."""

import json
import re

from aiohttp import web

# the whole of both tables, whether this vault comes to say them or not
STATUS = {
    # section 14.1
    "invalid_request": 400, "unauthorized_client": 400, "unsupported_grant_type": 400,
    "invalid_authorization_details": 400, "unsupported_version": 400, "invalid_json": 400,
    "duplicate_member": 400, "expired_token": 400, "invalid_client": 401, "missing_token": 401,
    "invalid_token": 401, "token_expired": 401, "token_revoked": 401, "access_denied": 403,
    "not_found": 404, "method_not_allowed": 405, "request_timeout": 408, "already_decided": 409,
    "request_too_large": 413, "unsupported_media_type": 415, "slow_down": 429,
    "too_many_requests": 429, "server_error": 500, "temporarily_unavailable": 503,
    # section 14.2
    "unsupported_parameter": 400, "tokens_per_request_exceeded": 400, "model_not_allowed": 403,
    "capability_not_allowed": 403, "provider_not_allowed": 403, "model_not_priced": 403,
    "route_not_supported": 404, "unsupported_encoding": 415, "rate_limit_exceeded": 429,
    "upstream_credential_error": 502, "upstream_redirect_refused": 502, "upstream_error": 502,
    "provider_not_configured": 503, "vault_unavailable": 503, "upstream_timeout": 504,
}


class Refusal(Exception):
    """Why something is not done: a code of the tables, words for people, headers, more members."""

    def __init__(self, code, said, status=None, headers=None, grant_id=None, **members):
        super().__init__(code)
        self.code, self.said, self.grant_id = code, said, grant_id
        self.status = status or STATUS[code]
        self.headers, self.members = dict(headers or {}), members


def plain(text, most=300):
    """Text as `error_description` may have it: printable ASCII without quotes, and short."""
    return re.sub(r'[^ -~]|["\\]', "?", text)[:most]


def answer(status, body, headers=None):
    """A JSON answer that nobody may store."""
    headers = {"Cache-Control": "no-store", **(headers or {})}
    return web.Response(status=status, text=json.dumps(body), headers=headers,
                        content_type="application/json")


def refused(refusal):
    """The answer of the vault's own endpoints."""
    headers = refusal.headers
    if refusal.status == 401 and refusal.code != "invalid_client":
        # a request without a token is told how to bring one, and of no error (RFC 6750)
        error = "" if refusal.code == "missing_token" else ' error="invalid_token"'
        headers.setdefault("WWW-Authenticate", f"Bearer{error}")
    body = {"error": refusal.code, "error_description": plain(refusal.said), **refusal.members}
    return answer(refusal.status, body, headers)
