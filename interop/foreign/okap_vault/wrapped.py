"""The same vault behind the endpoints of OKAP 1.0, as somebody writes them who has the examples and no rules.

What is decided, granted, kept and ended is the package's; here are only the envelopes and a hook.
"""

import secrets

from fastapi import HTTPException, Request
from fastapi.responses import JSONResponse
from okap.models import AccessRequest, Limits
from published import app, serve, vault

waiting = {}  # by continuation token
grants = {}  # token by grant id


@app.get("/.well-known/oauth-authorization-server")
def metadata():
    return {"issuer": vault.base_url, "okap_direct_endpoint": f"{vault.base_url}/okap/authorize"}


@app.post("/okap/authorize", status_code=202)
def authorize(body: dict):
    details = body.get("request") or body["authorization_details"][0]
    asked = AccessRequest.model_validate({**details, "app_name": body["client"]["name"]})
    token = secrets.token_urlsafe(32)
    pending = {
        "okap": "1.0",
        "status": "pending",
        "interaction_uri": f"{vault.base_url}/decide",
        "continue": {"uri": f"{vault.base_url}/okap/continue", "access_token": token},
        "expires_in": 600,
        "interval": 1,
    }
    waiting[token] = {"asked": asked, "pending": pending, "answer": None}
    return pending


@app.post("/okap/continue")
def outcome(request: Request):
    token = request.headers["authorization"].removeprefix("Bearer ")
    if token not in waiting:
        raise HTTPException(401, "invalid token")
    if waiting[token]["answer"] is None:
        return JSONResponse(waiting[token]["pending"], 202)
    answer = waiting.pop(token)["answer"]
    if not answer.approved:
        return JSONResponse({"okap": "1.0", "status": "denied", "error": answer.error_code}, 403)
    given = answer.token.model_dump(mode="json", exclude_none=True)
    grant = f"g_{len(grants) + 1}"
    secret = grants[grant] = given.pop("token")
    return {
        "okap": "1.0",
        "status": "granted",
        "token": secret,
        "access_token": secret,
        "token_type": "Bearer",
        "grant_id": grant,
        "authorization_details": [{"type": "ai_model_access", **given}],
    }


@app.get("/okap/grants/{grant}")
def read(grant: str):
    if vault.get_token_info(grants[grant]) is None:
        raise HTTPException(401, "invalid token")
    return {"grant_id": grant, "status": "active"}


@app.post("/okap/revoke")
async def give_back(request: Request):
    vault.revoke_token((await request.body()).decode().removeprefix("token="))


@app.post("/__okap_test")
def hook(order: dict):
    if order["verb"] == "capabilities":
        return {"verbs": ["decide", "revoke"]}
    if order["verb"] == "revoke":
        return {"revoked": vault.revoke_token(grants[order["grant"]])}
    if order["verb"] != "decide":
        raise HTTPException(501)
    one = next((w for w in waiting.values() if order["correlation"] in w["asked"].app_name), None)
    if one is None:
        raise HTTPException(409, "no such request waits")
    if order["decision"] == "deny":
        one["answer"] = vault.deny_request(one["asked"])
    elif order["decision"] != "ignore":
        left = (order.get("details") or [{}])[0]
        limits = Limits.model_validate(left["limits"]) if "limits" in left else None
        one["answer"] = vault.approve_request(
            one["asked"], approved_models=left.get("models"), approved_limits=limits
        )
    return {"decided": True}


if __name__ == "__main__":
    serve()
