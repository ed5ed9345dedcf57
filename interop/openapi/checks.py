"""What schemathesis does not know by itself, and what each operation answered."""

import json
import os
from collections import Counter

import schemathesis

answered = Counter()


@schemathesis.check
def stands(ctx, response, case):
    """No answer is a failure of the vault's own."""
    if response.status_code < 500:
        return
    body = response.json()
    # the document of a client that cannot be fetched
    known = response.status_code == 503 and body.get("error") == "temporarily_unavailable"
    assert known and "client document" in body["error_description"], f"{response.status_code}: {body}"


@schemathesis.check
def keeps_to_its_methods(ctx, response, case):
    """Another method is told which one is wanted."""
    if case.method.upper() == case.operation.method.upper():
        return
    if case.path.startswith("/v1/") and case.method.upper() in ("GET", "POST", "DELETE"):
        # a credential comes first, and what the provider stores is not reached
        assert response.status_code in (401, 404, 405), response.status_code
        return
    assert response.status_code == 405, f"{case.method} gave {response.status_code}"
    assert "allow" in response.headers


@schemathesis.check
def is_not_kept(ctx, response, case):
    """No cache keeps an answer; discovery may be."""
    kept = response.headers.get("cache-control", [""])[0]
    if not case.path.startswith("/.well-known/") or response.status_code >= 400:
        assert kept == "no-store", f"cache-control: {kept}"


@schemathesis.hook
def after_call(context, case, response):
    name = case.operation.definition.raw["operationId"]
    answered[f"{name} {response.status_code}"] += 1
    with open(os.environ["OKAP_ANSWERED"], "w", encoding="utf-8") as file:
        json.dump(answered, file)
