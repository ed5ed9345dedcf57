"""Direct JSON: `/okap/authorize` asks, `/okap/continue` fetches the outcome (section 6)."""

import re

from .consent import on_the_wire
from .desk import INTERVAL
from .errors import Refusal, answer
from .reading import read_body, read_json, shown
from .request import read_request
from .sources import Bound, source


class Direct:
    """The two endpoints."""

    def __init__(self, desk):
        self.desk, self._asked = desk, Bound(60, desk.clock)

    async def authorize(self, request):
        """Takes shapes 1 and 2, and answers that the request waits for the user."""
        self._asked.count(source(request))
        if request.content_type != "application/json":
            raise Refusal("unsupported_media_type", "send application/json")
        body = read_json(await read_body(request, 65_536), 16)
        asked, app, flat = read_request(body, self.desk.clock.now())
        return self._pending(*self.desk.ask(asked, app, flat, source(request)))

    async def fetch(self, request):
        """Answers with the outcome, once; holds the answer where the app is willing to wait."""
        token = bearer(request)
        question, state, issued = self.desk.fetch(token)
        seconds = re.search(r"\bwait=(\d{1,3})\b", request.headers.get("Prefer", ""))
        if state == "pending" and seconds:
            await self.desk.until_decided(question, min(int(seconds[1]), 120))
            question, state, issued = self.desk.fetch(token)
        if state == "pending":
            self.desk.answered(question)
            return self._pending(question, token)
        if state == "denied":
            said = "the user denied the request"
            body = {"okap": "1.0", "status": "denied", "reason": said, "error": "access_denied"}
            return answer(403, body)
        return answer(200, self._granted(question, *issued))

    def _pending(self, question, token):
        issuer = self.desk.issuer
        return answer(202, {
            "okap": "1.0",
            "status": "pending",
            "interaction_uri": f"{issuer}/okap/consent/{question['id']}",
            "user_code": question["code"],
            "expires_in": (question["ends"] - self.desk.clock.now()) // 1000,
            "interval": INTERVAL,
            "continue": {"uri": f"{issuer}/okap/continue", "access_token": token},
        })

    def _granted(self, question, token, lives):
        grant = self.desk.grant(question["grant_id"])
        objects = [on_the_wire(self.desk.issuer, one) for one in grant["objects"]]
        common = {"okap": "1.0", "status": "granted", "token": token, "access_token": token,
                  "token_type": "Bearer", "expires_in": lives, "grant_id": grant["id"]}
        if not question["flat"]:
            return {**common, "authorization_details": objects}
        flat = ("provider", "base_url", "limits", "models", "capabilities", "models_refused")
        members = {name: objects[0][name] for name in flat if name in objects[0]}
        return {**common, **members, "expires": shown(grant["ends"])}


def bearer(request):
    """The token of an `Authorization` header, of which there has to be one."""
    said = request.headers.getall("Authorization", [])
    if not said:
        raise Refusal("missing_token", "send the token as Authorization: Bearer")
    scheme, space, token = said[0].partition(" ")
    if len(said) > 1 or scheme.lower() != "bearer" or not space:
        raise Refusal("invalid_token", "send one Authorization: Bearer header")
    return token.strip(" ")
