"""The test hook of okap-conformance: plays the user, turns the clock (okap-conformance/HOOK.md).

Whoever reaches it is the owner. So it is there only with `--test-hook`, on a loopback address.
"""

from urllib.parse import urlsplit

from .desk import shown_as
from .errors import Refusal, answer
from .reading import is_text, moment, read_body, read_json
from .request import read_limits

PATH = "/__okap_test"
_VERBS = ("capabilities", "decide", "revoke", "advance", "audit", "dump", "reset")


def _host(request):
    try:
        return urlsplit(f"//{request.host}").hostname
    except ValueError:
        return None


class Hook:
    """One address, the verb in the body."""

    def __init__(self, desk):
        self.desk = desk

    async def take(self, request):
        """Carries out an order."""
        # a page whose name was bent to this address can send JSON, but no other name
        if _host(request) not in ("127.0.0.1", "::1", "localhost"):
            raise Refusal("invalid_request", "the hook is for this computer alone", status=421)
        # a page of another site can post a form without asking; JSON it cannot
        if request.headers.get("Content-Type") != "application/json":
            raise Refusal("unsupported_media_type", "send application/json")
        order = read_json(await read_body(request, 1_048_576), 16)
        if order.get("v") != "1":
            raise Refusal("invalid_request", "v is not 1")
        verb = order.get("verb")
        if verb not in _VERBS:
            raise Refusal("invalid_request", "no such verb", status=501)
        return answer(200, getattr(self, f"_{verb}")(order))

    def _capabilities(self, order):
        return {"verbs": [verb for verb in _VERBS if verb != "capabilities"]}

    def _decide(self, order):
        question = self._find(order)
        if order["decision"] == "ignore":
            return {"decided": False}
        choices = {
            "approve": lambda: [{} for _ in question["asked"]],
            "narrow": lambda: [left and _choice(left) for left in order["details"]],
            "deny": lambda: None,
        }[order["decision"]]()
        grant = self.desk.decide(question["id"], choices, shown_as(question))
        return {"decided": True, "grant": grant}

    def _find(self, order):
        """By the code, else by the page, else by the word in the app's name or a reason."""
        page, word = (order.get("interaction_url") or "").rsplit("/")[-1], order["correlation"]
        for one in self.desk.waiting():
            words = [one["app"]["name"], *(asked["reason"] for asked in one["asked"])]
            if one["code"] == order.get("user_code") or one["id"] == page:
                return one
            if not page and word and any(word in said for said in words):
                return one
        raise Refusal("already_decided", "no such request waits")

    def _revoke(self, order):
        if self.desk.grant(order["grant"]) is None:
            raise Refusal("already_decided", "there is no such grant")
        self.desk.revoke(order["grant"])
        return {"revoked": order["grant"]}

    def _advance(self, order):
        self.desk.clock.turn(int(order["seconds"]))
        return {"now": self.desk.clock.now()}

    def _audit(self, order):
        query = "SELECT * FROM call WHERE grant_id = ? ORDER BY id"
        return {"rows": self.desk.store.all(query, order["grant"])}

    def _dump(self, order):
        if self.desk.store.path == ":memory:":
            raise Refusal("invalid_request", "all is kept in memory", status=501)
        return {"path": self.desk.store.path}

    def _reset(self, order):
        for grant in self.desk.store.all("SELECT id FROM access WHERE revoked IS NULL"):
            self.desk.revoke(grant["id"])
        return {}


def _choice(left):
    """What the suite leaves of an object, as the page would say it."""
    choice = {name: left[name] for name in ("models", "capabilities") if name in left}
    if "limits" in left:
        choice["limits"] = read_limits(left["limits"])
    if "expires" in left and is_text(left["expires"]):
        choice["expires"] = moment(left["expires"])
    return choice
