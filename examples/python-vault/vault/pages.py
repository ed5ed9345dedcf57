"""The owner's pages: sign in, decide a request, take a grant back (section 15)."""

import hashlib
import hmac
import secrets

from aiohttp import web

from . import html
from .desk import shown_as
from .errors import Refusal
from .own import read_form
from .reading import Number, moment
from .request import COUNTS, MONEY, read_limits
from .sources import Bound, source

_GUARD = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
                               "frame-ancestors 'none'; base-uri 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_HOURS = 12 * 3_600_000


class Pages:
    """Everything that a person looks at. There is one owner, with a password."""

    def __init__(self, desk, password):
        self.desk, self._password = desk, _digest(password)
        self._tries, self._sessions = Bound(10, desk.clock), {}
        secure = desk.issuer.startswith("https://")
        self._cookie = "__Host-okap" if secure else "okap"
        self._secure = secure

    async def home(self, request):
        """What waits, and the grants."""
        session = self._session(request)
        if session is None:
            return _page(html.sign_in(request.rel_url.raw_path))
        grants = self.desk.store.all("SELECT * FROM access ORDER BY created DESC")
        now = self.desk.clock.now()
        return _page(html.home(self.desk.waiting(), grants, now, session["csrf"]))

    async def sign_in(self, request):
        """Opens a session for whoever knows the password."""
        self._tries.count(source(request))
        form = await read_form(request)
        if not hmac.compare_digest(_digest(form.get("password", "")), self._password):
            return _page(html.note("That is not the password."), 403)
        name = secrets.token_urlsafe(32)
        ends = self.desk.clock.now() + _HOURS
        self._sessions[_digest(name)] = {"csrf": secrets.token_urlsafe(32), "ends": ends}
        # only a path of this vault is gone back to
        to = form.get("to", "/")
        response = _see(to if to.startswith("/okap/consent/") else "/")
        response.set_cookie(self._cookie, name, path="/", httponly=True, samesite="Strict",
                            secure=self._secure)
        return response

    async def consent(self, request, id):
        """Shows a request as it is stored, and takes the decision."""
        session = self._session(request)
        if session is None:
            return _page(html.sign_in(f"/okap/consent/{id}"))
        question = self.desk.question(id)
        if request.method == "GET":
            if question["state"] != "pending" or question["ends"] <= self.desk.clock.now():
                return _page(html.note("This request is decided, or has ended."), 410)
            models = self.desk.models_of
            return _page(html.consent(question, models, shown_as(question), session["csrf"]))
        form = await self._form(request, session)
        choices = None
        if form.get("decision") == "allow":
            choices = [_choice(form, at) for at in range(len(question["asked"]))]
        self.desk.decide(id, choices, form.get("shown"))
        return _page(html.note("Done. You can close this page and go back to the app."))

    async def revoke(self, request):
        """Takes a grant back."""
        session = self._session(request)
        if session is None:
            return _page(html.sign_in("/"))
        form = await self._form(request, session)
        if self.desk.grant(form.get("grant")) is None:
            raise Refusal("not_found", "there is no such grant")
        self.desk.revoke(form["grant"])
        return _see("/")

    def _session(self, request):
        session = self._sessions.get(_digest(request.cookies.get(self._cookie, "")))
        return session if session and session["ends"] > self.desk.clock.now() else None

    async def _form(self, request, session):
        form = await read_form(request)
        if not hmac.compare_digest(_digest(form.get("csrf", "")), _digest(session["csrf"])):
            raise Refusal("access_denied", "this form is not from the page of your session")
        return form


def _choice(form, at):
    """What a form says of an object; None where the user left it out."""
    if f"{at}.granted" not in form:
        return None

    def ticked(what):
        return [value for name, value in form.items() if name.startswith(f"{at}.{what}.")]

    limits = {name: form.get(f"{at}.{name}", "").strip() for name in (*MONEY, *COUNTS)}
    limits = {name: Number(said) for name, said in limits.items() if said}
    end = moment(form.get(f"{at}.expires", ""))
    if not ticked("models") or not ticked("capabilities") or end is None:
        raise Refusal("invalid_request", "tick a model and a capability, and say an end")
    return {"models": ticked("models"), "capabilities": ticked("capabilities"),
            "limits": read_limits(limits), "expires": end}


def _digest(text):
    return hashlib.sha256(text.encode()).digest()


def _page(text, status=200):
    return web.Response(status=status, text=text, content_type="text/html", headers=_GUARD)


def _see(path):
    return web.Response(status=303, headers={**_GUARD, "Location": path})


def refused(refusal):
    """A refusal for people."""
    response = _page(html.note(refusal.said), refusal.status)
    response.headers.update(refusal.headers)
    return response
