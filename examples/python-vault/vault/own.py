"""What an app does with its own grant: look at it, see its limits, give it back (section 10).

The vault has no code flow, no refresh and no resource servers: its token endpoint knows no grant
type, and nobody has credentials for introspection.
"""

from urllib.parse import parse_qsl

from .consent import on_the_wire
from .direct import bearer
from .errors import Refusal, answer
from .limits import left
from .reading import read_body, shown


class Own:
    """The endpoints below `/okap` that take an access token or a form."""

    def __init__(self, desk):
        self.desk = desk

    async def token(self, request):
        """No grant type is known here: access comes by the direct request alone."""
        if "grant_type" not in await read_form(request):
            raise Refusal("invalid_request", "grant_type is missing")
        raise Refusal("unsupported_grant_type", "ask at okap_direct_endpoint; there is no other way")

    async def introspect(self, request):
        """No resource server is configured, so nobody may look."""
        said = "this vault has no resource servers"
        raise Refusal("invalid_client", said, headers={"WWW-Authenticate": 'Basic realm="okap"'})

    async def revoke(self, request):
        """Ends the grant of a token, whoever found it; a token that is unknown is gone already."""
        form = await read_form(request)
        if "token" not in form:
            raise Refusal("invalid_request", "token is missing")
        try:
            grant, _ = self.desk.holder(form["token"])
        except Refusal:
            return answer(200, {})
        if "client_id" in form:
            raise Refusal("unauthorized_client", "the grant of a direct request has no client_id")
        self.desk.revoke(grant["id"])
        return answer(200, {})

    async def limits(self, request):
        """What is left of the limits of a token."""
        grant = self.desk.active(bearer(request))
        now, store = self.desk.clock.now(), self.desk.store
        entries = [
            {"type": "ai_model_access", "provider": one["provider"], "models": one["models"],
             "capabilities": one["capabilities"], "expires": shown(one["expires"]),
             "limits": left(store, now, grant, at)}
            for at, one in enumerate(grant["objects"])
        ]
        return answer(200, {"okap": "1.0", "grant_id": grant["id"], "limits": entries})

    async def grant(self, request, id):
        """The grant of a token, also one that stands no more; DELETE ends it."""
        grant, status = self.desk.holder(bearer(request))
        if request.method == "DELETE" and status != "active":
            self.desk.active(bearer(request))
        if grant["id"] != id:
            raise Refusal("not_found", "the token is not of that grant")
        if request.method == "DELETE":
            self.desk.revoke(id)
            return answer(204, None)
        return answer(200, {
            "okap": "1.0",
            "grant_id": id,
            "status": status,
            "created": shown(grant["created"]),
            "expires": shown(grant["ends"]),
            **({"client_name": grant["app"]["name"]} if grant["app"]["name"] else {}),
            "authorization_details": [on_the_wire(self.desk.issuer, o) for o in grant["objects"]],
        })


async def read_form(request):
    """The parameters of a form, each of which may stand once."""
    if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        raise Refusal("invalid_request", "a page of another site sent this form")
    if request.content_type != "application/x-www-form-urlencoded":
        raise Refusal("invalid_request", "send a form")
    try:
        text = (await read_body(request, 65_536)).decode()
        pairs = parse_qsl(text, max_num_fields=500, errors="strict")
    except ValueError:
        raise Refusal("invalid_request", "the form is malformed") from None
    if len(dict(pairs)) < len(pairs):
        raise Refusal("invalid_request", "a parameter stands twice")
    return dict(pairs)
