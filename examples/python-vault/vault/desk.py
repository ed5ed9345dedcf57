"""The question and its answer: an app asks, the user decides, the app fetches (sections 6 and 10)."""

import asyncio
import hashlib
import json
from weakref import WeakValueDictionary

from . import consent, tokens
from .errors import Refusal

WAITS = 600_000
INTERVAL = 2
TOKEN_LIVES = 30 * 86_400_000
# requests that wait at once
OF_ONE_APP, OF_ONE_SOURCE, IN_ALL = 3, 100, 1000


class Desk:
    """Grants access, and takes it back."""

    def __init__(self, store, clock, issuer, models_of):
        self.store, self.clock, self.issuer, self.models_of = store, clock, issuer, models_of
        # events live as long as somebody waits for them
        self._decided, self._cuts = WeakValueDictionary(), WeakValueDictionary()

    # -- the app asks

    def ask(self, asked, app, flat, source):
        """Keeps a request until the user decides it; the record, and the token to fetch with."""
        now = self.clock.now()
        self.store.run("DELETE FROM question WHERE ends < ?", now - WAITS)
        waiting = self.waiting()
        beside = [one for one in waiting if one["source"] == source]
        if len([one for one in beside if one["app"] == app]) >= OF_ONE_APP:
            self._too_many(beside, "this app has three requests that wait already")
        if len(beside) >= OF_ONE_SOURCE or len(waiting) >= IN_ALL:
            self._too_many(waiting, "too many requests wait already")
        taken = {one["code"] for one in waiting}
        code = next(code for code in iter(tokens.user_code, None) if code not in taken)
        token, id = tokens.mint(tokens.CONTINUATION), tokens.word()
        self.store.add(
            "question", id=id, poll=tokens.digest(token, tokens.CONTINUATION), code=code,
            source=source, app=app, asked=asked, flat=flat, ends=now + WAITS, state="pending",
            not_before=0)
        return self.question(id), token

    def _too_many(self, waiting, said):
        wait = max(1, (min(one["ends"] for one in waiting) - self.clock.now()) // 1000)
        raise Refusal("too_many_requests", said, headers={"Retry-After": str(wait)})

    def waiting(self):
        """The requests that nobody has decided yet."""
        query = "SELECT * FROM question WHERE state = 'pending' AND ends > ?"
        return self.store.all(query, self.clock.now())

    def question(self, id):
        """A request by its id."""
        found = self.store.find("SELECT * FROM question WHERE id = ?", id)
        if found is None:
            raise Refusal("not_found", "there is no such request")
        return found

    # -- the user decides

    def decide(self, id, choices, shown):
        """Decides a request once, by what was shown of it. `choices` is None for a denial."""
        question = self.question(id)
        if question["state"] != "pending" or question["ends"] <= self.clock.now():
            raise Refusal("already_decided", "this request is decided, or has ended")
        if shown != shown_as(question):
            raise Refusal("invalid_request", "what was shown is not what was asked")
        granted = consent.grant(question["asked"], choices, self.models_of) if choices else []
        grant_id = self._grant(question, granted) if granted else None
        state = "granted" if granted else "denied"
        self.store.change("question", id, state=state, grant_id=grant_id)
        self._decided.pop(id, asyncio.Event()).set()
        return grant_id

    def _grant(self, question, objects):
        id = f"g_{tokens.word(12)}"
        ends = max(one["expires"] for one in objects)
        self.store.add("access", id=id, app=question["app"], created=self.clock.now(), ends=ends,
                       objects=objects)
        return id

    # -- the app fetches the outcome

    def fetch(self, token):
        """The request of a continuation token, and its outcome where there is one; final only once.

        What comes with it: `pending`, `denied`, or `granted` with a new token.
        """
        hash = tokens.digest(token, tokens.CONTINUATION)
        found = hash and self.store.find("SELECT * FROM question WHERE poll = ?", hash)
        if not found or found["state"] == "done":
            raise Refusal("invalid_token", "this is no continuation token, or its outcome is fetched")
        now, state = self.clock.now(), found["state"]
        if found["not_before"] > now:
            self.answered(found)
            said = f"leave {INTERVAL} s between two polls"
            raise Refusal("slow_down", said, headers={"Retry-After": str(INTERVAL)})
        if state == "pending" and found["ends"] > now:
            return found, "pending", None
        self.store.change("question", found["id"], state="done")
        if found["ends"] <= now:
            raise Refusal("expired_token", "the request has ended; ask again")
        return found, state, self._issue(found["grant_id"]) if state == "granted" else None

    def answered(self, question):
        """Begins the interval until the next poll."""
        not_before = self.clock.now() + INTERVAL * 1000
        self.store.change("question", question["id"], not_before=not_before)

    async def until_decided(self, question, seconds):
        """Waits for the decision, for so many seconds at most."""
        event = self._decided.setdefault(question["id"], asyncio.Event())
        seconds = min(seconds, (question["ends"] - self.clock.now()) / 1000)
        try:
            await asyncio.wait_for(event.wait(), seconds)
        except TimeoutError:
            pass

    def _issue(self, grant_id):
        token = tokens.mint(tokens.ACCESS)
        grant = self.grant(grant_id)
        ends = min(grant["ends"], self.clock.now() + TOKEN_LIVES)
        hash = tokens.digest(token, tokens.ACCESS)
        self.store.add("token", hash=hash, grant_id=grant_id, ends=ends)
        return token, (ends - self.clock.now()) // 1000

    # -- grants

    def grant(self, id):
        """A grant by its id, or None."""
        return self.store.find("SELECT * FROM access WHERE id = ?", id)

    def holder(self, token):
        """The grant of an access token, and how it stands: active, revoked or expired."""
        hash = tokens.digest(token, tokens.ACCESS)
        found = hash and self.store.find("SELECT * FROM token WHERE hash = ?", hash)
        if not found:
            raise Refusal("invalid_token", "this is no access token of this vault")
        grant = self.grant(found["grant_id"])
        if grant["revoked"]:
            return grant, "revoked"
        return grant, "active" if self.clock.now() < min(found["ends"], grant["ends"]) else "expired"

    def active(self, token):
        """The grant of an access token, if it stands."""
        grant, status = self.holder(token)
        if status != "active":
            said = {"revoked": "the user revoked this access", "expired": "this access has ended"}
            raise Refusal(f"token_{status}", said[status], grant_id=grant["id"])
        return grant

    def revoke(self, grant_id):
        """Ends a grant, and every stream that runs under it."""
        if not self.grant(grant_id)["revoked"]:
            self.store.change("access", grant_id, revoked=self.clock.now())
        self._cuts.pop(grant_id, asyncio.Event()).set()

    def cut(self, grant_id):
        """An event that is set when the grant is revoked."""
        return self._cuts.setdefault(grant_id, asyncio.Event())


def shown_as(question):
    """Binds a decision to what was shown: a hash over the stored request."""
    text = json.dumps([question["id"], question["app"], question["asked"], question["code"]])
    return hashlib.sha256(text.encode()).hexdigest()
