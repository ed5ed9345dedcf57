"""The walk of a call: from the credential to the answer, in the order that makes it safe (12.2)."""

import json
import re
from collections import Counter
from urllib.parse import parse_qsl, unquote

from aiohttp import web

from . import limits, openai, shapes
from .errors import Refusal, answer
from .reading import read_body

PATH = "/v1/"
AT_ONCE = 16
_MOST = 20 * 1024 * 1024
_LAST = ("response.completed", "response.incomplete", "response.failed", "error")


class Proxy:
    """Everything below `/v1/`."""

    def __init__(self, desk, provider, upstream, models):
        self.desk, self.store, self.clock = desk, desk.store, desk.clock
        self.provider, self.upstream, self.models = provider, upstream, models
        self._running = Counter()

    async def walk(self, request):
        """Answers a call, or refuses it in the provider's shape."""
        path, _, query = request.raw_path.partition("?")
        provider, *segments = path.removeprefix(PATH).split("/")
        grant = None
        try:
            if "Upgrade" in request.headers:
                said = "there are no upgrades here"
                raise Refusal("route_not_supported", said, 426, {"Upgrade": "HTTP/1.1"})
            token = credential(request, query)
            grant = self.desk.active(token)
            at = self._objects(grant, provider)
            return await self._route(request, token, grant, at, openai.route(segments))
        except Refusal as refusal:
            refusal.grant_id = refusal.grant_id or (grant and grant["id"])
            response = shapes.refused(refusal, provider, self.desk.issuer)
            if refusal.status in (408, 413, 426):
                response.force_close()
            return response

    def _objects(self, grant, provider):
        """Which objects of a grant are of the provider in the path."""
        found = [at for at, one in enumerate(grant["objects"]) if one["provider"] == provider]
        if not found:
            raise Refusal("provider_not_allowed", "the provider in the path is not granted")
        if provider != self.provider:
            raise Refusal("provider_not_configured", "this vault has no key for that provider")
        return found

    async def _route(self, request, token, grant, at, route):
        method = request.method
        models = re.fullmatch(r"/models(?:/(.+))?", route)
        if models and method == "GET":
            return self._models(grant, at, models[1])
        if models or route in openai.ROUTES:
            allowed = "GET" if models else "POST"
            if not models and method == "POST":
                return await self._call(request, token, route)
            if models or method not in ("GET", "HEAD", "DELETE"):
                said = f"send {allowed}"
                raise Refusal("method_not_allowed", said, headers={"Allow": allowed})
        raise Refusal("route_not_supported", "there is no such route here")

    def _models(self, grant, at, id):
        """The model list of the grant; the provider is not asked."""
        granted = [model for one in at for model in grant["objects"][one]["models"]]
        granted = list(self.models) if "*" in granted else granted
        entries = [{"id": model, "object": "model", "created": grant["created"] // 1000,
                    "owned_by": self.provider} for model in granted]
        if id is None:
            return answer(200, {"object": "list", "data": entries})
        for entry in entries:
            if entry["id"] == unquote(id):
                return answer(200, entry)
        raise Refusal("model_not_allowed", "this model is not granted")

    async def _call(self, request, token, route):
        if "Content-Encoding" in request.headers:
            raise Refusal("unsupported_encoding", "send the body without an encoding")
        if request.content_type != "application/json":
            raise Refusal("unsupported_media_type", "send application/json")
        call = openai.Call(route, await read_body(request, _MOST))
        # the body took its time, and the user may have revoked meanwhile
        grant = self.desk.active(token)
        at = self._object_of(grant, call)
        object = grant["objects"][at]
        now = self.clock.now()
        ceiling = limits.ceiling(object["limits"], call)
        limits.admit(self.store, now, grant, at)
        if not self.upstream.key:
            raise Refusal("provider_not_configured", "this vault has no key for that provider")
        if self._running[grant["id"]] >= AT_ONCE:
            said = f"{AT_ONCE} calls of this grant are running"
            raise Refusal("rate_limit_exceeded", said, headers={"Retry-After": "1"})
        row = self.store.add(
            "call", grant_id=grant["id"], account=limits.account(grant, at), at=now,
            provider=self.provider, route=route, model=call.model)
        self._running[grant["id"]] += 1
        try:
            return await self._forward(request, grant, call, ceiling, row)
        finally:
            self._running[grant["id"]] -= 1

    def _object_of(self, grant, call):
        """Which object of the grant a call is under."""
        now, refusal = self.clock.now(), None
        for at, one in enumerate(grant["objects"]):
            if one["provider"] != self.provider:
                continue
            if call.model not in one["models"] and one["models"] != ["*"]:
                refusal = refusal or Refusal("model_not_allowed", f"{call.model[:80]} is not granted")
            elif one["expires"] <= now:
                refusal = Refusal("token_expired", "this access has ended")
            elif missing := set(call.capabilities()) - set(one["capabilities"]):
                refusal = Refusal("capability_not_allowed", f"{min(missing)} is not granted")
            else:
                return at
        raise refusal

    async def _forward(self, request, grant, call, ceiling, row):
        audit = Audit(self.store, self.clock, row)
        try:
            body = call.forwarded(ceiling)
            async with await self.upstream.send(call.route, request.headers, body) as reply:
                audit.status = reply.status
                headers = self.upstream.headers(reply)
                if ceiling is not None:
                    headers["okap-output-ceiling"] = str(ceiling)
                if reply.status == 200 and reply.content_type == "text/event-stream":
                    return await self._stream(request, grant, call, reply, headers, audit)
                raw, value = await self.upstream.read(reply)
                audit.usage = value.get("usage") if isinstance(value, dict) else None
                audit.write()
                return web.Response(status=reply.status, body=raw, headers=headers)
        finally:
            audit.write()

    async def _stream(self, request, grant, call, reply, headers, audit):
        """Each event as it comes, to a true end or a visible break."""
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        ended, cut = False, self.desk.cut(grant["id"])
        try:
            async for event, value in self.upstream.events(reply, cut):
                object = value if isinstance(value, dict) else {}
                inner = object.get("response")
                usage = (inner if isinstance(inner, dict) else object).get("usage")
                audit.usage = usage or audit.usage
                ended = ended or value == "[DONE]" or object.get("type") in _LAST
                if ended:
                    # the row is kept before the app has the last of the answer
                    audit.write()
                if object.get("choices") != [] or not usage or call.shows_usage():
                    await response.write(event)
            if not ended:
                raise Refusal("upstream_error", "the provider's stream broke off")
        except Refusal as refusal:
            refusal.grant_id = grant["id"]
            error = shapes.refused(refusal, self.provider, self.desk.issuer)
            data = json.dumps(json.loads(error.text))
            await response.write(f"data: {data}\n\n".encode())
            # and no clean end: the connection breaks before the last chunk
            request.transport.close()
        return response


class Audit:
    """The row of a call. No prompt and no answer is kept."""

    def __init__(self, store, clock, row):
        self._store, self._clock, self._row = store, clock, row
        self.status, self.usage, self._written = None, None, False

    def write(self):
        """Says once how the call ended; a call that got no answer has no status."""
        if not self._written:
            self._written = True
            self._store.change("call", self._row, ended=self._clock.now(), status=self.status,
                               usage=self.usage)


def credential(request, query):
    """The one token of a call, from any of three headers and never from the address."""
    for name, value in parse_qsl(query, keep_blank_values=True):
        if "okap_" in value or name in ("access_token", "key", "api_key"):
            raise Refusal("invalid_request", "a token does not belong into an address")
        if name in ("model", "provider", "deployment", "engine"):
            raise Refusal("unsupported_parameter", f"{name} does not belong into an address")
    headers = request.headers
    found = [value for name in ("x-api-key", "x-goog-api-key") for value in headers.getall(name, [])]
    for value in headers.getall("Authorization", []):
        scheme, space, token = value.partition(" ")
        if scheme.lower() != "bearer" or not space:
            raise Refusal("invalid_token", "send the token as Authorization: Bearer")
        found.append(token.strip(" "))
    if not found:
        raise Refusal("missing_token", "send the OKAP token where the provider's key would stand")
    if len(set(found)) > 1:
        raise Refusal("invalid_request", "two credentials that differ")
    return found[0]
