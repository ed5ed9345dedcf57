"""A client of OKAP 1.0 in one file of standard Python, written from spec/okap.md alone.

    okap = Client("http://127.0.0.1:8787", name="Notes")
    asked = okap.ask([{"type": "ai_model_access", "provider": "openai"}])
    print(asked.uri, asked.user_code)
    access = okap.wait(asked)

`access.token` and `access.base_url("openai")` go to any SDK of the provider. A comment with an
identifier names the rule of the specification that the code beside it keeps.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
import secrets
import threading
import time
import urllib.error
import urllib.request
import webbrowser
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import datetime, timezone
from decimal import Decimal
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Callable
from urllib.parse import parse_qsl, urlencode, urlsplit

Json = dict[str, Any]
LOCAL_APP = "http://localhost"
GRANT_TYPE = "urn:ietf:params:oauth:grant-type:"


class OkapError(Exception):
    """A refusal. Decide by `code` and `status` (OKAP-R-364); our own codes begin with `client_`."""

    def __init__(self, code: str, description: str = "", status: int = 0):
        self.code, self.description, self.status = printable(code), printable(description), status
        super().__init__(f"{self.code}: {self.description}")


class Answer(dict):
    """The JSON object of a vault's answer; what it lacks is an error of its own."""

    def __missing__(self, name: str) -> Any:
        raise OkapError("client_bad_answer", f"the vault's answer lacks {name}")


@dataclass
class Asked:
    """A request that waits for the user. Show `uri` and `user_code` together (OKAP-R-146)."""

    uri: str
    user_code: str
    expires_in: int
    interval: int
    details: list[Json]
    secret: str = field(repr=False)
    poll_uri: str | None = None  # of a direct request
    complete_uri: str | None = None  # of a device request


@dataclass
class Access:
    """What the user granted. The tokens stay out of every printout."""

    token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    grant_id: str
    details: list[Json]
    asked: list[Json] = field(repr=False)
    client_id: str | None
    ends: float  # on the steady clock (OKAP-R-198)
    lock: Any = field(default_factory=threading.Lock, repr=False)

    def base_url(self, provider: str) -> str:
        """What to give the provider's SDK as its base address."""
        for one in self.details:
            if one["provider"] == provider:
                return one["base_url"]
        raise OkapError("client_not_granted", provider)


class Client:
    """One app at one vault. Without a `client_id` it is a local app that has only a name."""

    def __init__(self, issuer: str, name: str, client_id: str = LOCAL_APP):
        check_issuer(issuer)
        self.issuer, self.name, self.client_id = issuer, name, client_id
        self._metadata: Json | None = None

    def metadata(self) -> Json:
        """The vault's metadata, fetched once and checked."""
        if self._metadata is None:
            at = urlsplit(self.issuer)
            found = self._send("GET", f"{at.scheme}://{at.netloc}/.well-known/oauth-authorization-server{at.path}")[1]
            if found.get("issuer") != self.issuer:  # OKAP-R-052
                raise OkapError("client_wrong_issuer", "the vault has another name than its address")
            for name in found:
                if name.endswith("_endpoint"):
                    self._at_vault(found[name])  # OKAP-R-053
            self._metadata = found
        return self._metadata

    # asking

    def ask(self, details: list[Json]) -> Asked | Access:
        """Asks by direct JSON. Access comes at once only where the owner's policy decides."""
        claimed = {} if self.client_id == LOCAL_APP else {"client_id": self.client_id}
        body = {"okap": "1.0", "authorization_details": details, "client": {"name": self.name, **claimed}}
        answer = self._send("POST", self._endpoint("okap_direct_endpoint"), body=body)
        return self._outcome(details, *answer)

    def ask_by_device(self, details: list[Json]) -> Asked:
        """Begins the device flow: the user opens `uri` elsewhere and types `user_code`."""
        form = {**self._identity(), "authorization_details": json.dumps(details)}
        answer = self._send("POST", self._endpoint("device_authorization_endpoint"), form=form)[1]
        uri, complete = answer["verification_uri"], answer.get("verification_uri_complete")
        return Asked(self._at_vault(uri), printable(answer["user_code"]), answer["expires_in"],
                     answer.get("interval", 5), details, answer["device_code"],
                     complete_uri=complete and self._at_vault(complete))

    def wait(self, asked: Asked, narrow: list[Json] | None = None, timeout: float = 600) -> Access:
        """Polls until the user has decided; raises `access_denied` where they deny."""
        deadline = time.monotonic() + min(timeout, asked.expires_in)
        interval = asked.interval
        while time.monotonic() + interval < deadline:
            time.sleep(interval)  # OKAP-R-152, OKAP-R-181
            try:
                outcome = self._poll(asked, narrow, deadline - time.monotonic())
                if isinstance(outcome, Access):
                    return outcome
            except OkapError as error:
                if error.code not in ("authorization_pending", "slow_down"):
                    raise
                interval += 5 if error.code == "slow_down" else 0
        raise OkapError("client_timeout", "the user has not decided")

    def _poll(self, asked: Asked, narrow: list[Json] | None, left: float) -> Asked | Access:
        if asked.poll_uri is None:
            form = {"grant_type": GRANT_TYPE + "device_code", "device_code": asked.secret,
                    "client_id": self.client_id}
            return self._token(form, asked.details, narrow)
        hold = max(1, min(30, int(left)))
        headers = {"Authorization": f"Bearer {asked.secret}", "Prefer": f"wait={hold}"}
        return self._outcome(asked.details, *self._send("POST", asked.poll_uri, headers=headers, timeout=hold + 15))

    def _outcome(self, details: list[Json], status: int, answer: Json) -> Asked | Access:
        if not str(answer.get("okap")).startswith("1."):  # OKAP-R-448
            raise OkapError("client_bad_answer", "another major version", status)
        said = (status, answer.get("status"))
        if said == (200, "granted"):
            return self._access(answer, details, None if self.client_id == LOCAL_APP else self.client_id)
        if said != (202, "pending"):  # OKAP-R-158
            raise OkapError("client_bad_answer", f"status {said[0]} says {said[1]}", status)
        poll = answer["continue"]
        return Asked(self._at_vault(answer["interaction_uri"]), printable(answer["user_code"]),
                     answer["expires_in"], answer["interval"], details, poll["access_token"],
                     self._at_vault(poll["uri"]))  # OKAP-R-145

    def authorize_in_browser(self, details: list[Json], narrow: list[Json] | None = None,
                             timeout: float = 300, open_url: Callable[[str], Any] = webbrowser.open) -> Access:
        """Code flow: opens the consent page in the browser, takes the answer on a loopback port."""
        found = self.metadata()
        if ("S256" not in found.get("code_challenge_methods_supported", [])
                or found.get("authorization_response_iss_parameter_supported") is not True):
            raise OkapError("client_unsupported", "the vault lacks S256 or iss")  # OKAP-R-054
        verifier, state = secrets.token_urlsafe(32), secrets.token_urlsafe(32)  # OKAP-R-122
        challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        with Listener(self.issuer, state) as listener:
            form = {**self._identity(), "response_type": "code", "redirect_uri": listener.redirect_uri,
                    "code_challenge": challenge, "code_challenge_method": "S256", "state": state,
                    "authorization_details": json.dumps(details)}
            pushed = self._send("POST", self._endpoint("pushed_authorization_request_endpoint"), form=form)[1]
            query = urlencode({"client_id": self.client_id, "request_uri": pushed["request_uri"]})
            page = f"{self._endpoint('authorization_endpoint')}?{query}"
            threading.Thread(target=open_url, args=(page,), daemon=True).start()  # some browsers do not return
            code = listener.wait(timeout)
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": listener.redirect_uri,
                "client_id": self.client_id, "code_verifier": verifier}
        return self._token(form, details, narrow)

    # what can be done with an access

    def refresh(self, access: Access) -> Access:
        """Renews the access in place. On `invalid_grant` ask the user again (OKAP-R-209)."""
        new = self.narrow(access, None)
        access.token, access.details, access.ends = new.token, new.details, new.ends
        return access

    def narrow(self, access: Access, details: list[Json] | None) -> Access:
        """A second token of the same grant that may do less; `access` keeps its own."""
        with access.lock:  # OKAP-R-207
            if access.refresh_token is None:
                raise OkapError("client_no_refresh", "this access has no refresh token")
            form = {"grant_type": "refresh_token", "refresh_token": access.refresh_token,
                    "client_id": self.client_id}
            new = self._token(form, access.asked, details)
            access.refresh_token = new.refresh_token or access.refresh_token  # OKAP-R-208
            new.refresh_token = None
            return new

    def delegate(self, access: Access, details: list[Json], name: str) -> Access:
        """A grant below this one, for another program; hand it `token` and `base_url`."""
        form = {"grant_type": GRANT_TYPE + "token-exchange", "subject_token": access.token,
                "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
                "client_name": name, "client_id": access.client_id}
        return self._token(form, access.details, details)

    def limits(self, access: Access) -> list[Json]:
        """What is left: one entry for each details object."""
        return self._own("okap_limits_endpoint", "", access)["limits"]

    def grant(self, access: Access) -> Json:
        """The grant as the vault has it: its `status`, end and details."""
        return self._own("okap_grants_endpoint", "/" + access.grant_id, access)

    def revoke(self, access: Access) -> None:
        """Gives the grant back, with all its tokens and children."""
        form = {"token": access.token, "client_id": access.client_id}
        self._send("POST", self._endpoint("revocation_endpoint"), form=form)

    # how it is done

    def _identity(self) -> Json:
        return {"client_id": self.client_id,
                "client_name": self.name if self.client_id == LOCAL_APP else None}  # OKAP-R-073

    def _token(self, form: Json, asked: list[Json], narrow: list[Json] | None) -> Access:
        form = {**form, "authorization_details": narrow and json.dumps(narrow)}
        answer = self._send("POST", self._endpoint("token_endpoint"), form=form)[1]
        new = self._access(answer, narrow or asked, form["client_id"])
        new.asked = asked
        return new

    def _access(self, answer: Json, asked: list[Json], client_id: str | None) -> Access:
        if answer["token_type"].lower() != "bearer":  # OKAP-R-132
            raise OkapError("client_bad_answer", "the token is of a type that was not asked for")
        details = answer["authorization_details"]
        try:
            check_within(asked, details)
        except (ArithmeticError, TypeError, ValueError) as error:
            raise OkapError("client_bad_answer", "what was granted is of no form") from error
        for one in details:
            self._at_vault(one["base_url"])  # OKAP-R-047
        return Access(answer["access_token"], answer.get("refresh_token"), answer["grant_id"], details,
                      asked, client_id, time.monotonic() + answer["expires_in"])

    def _endpoint(self, name: str) -> str:
        if name not in self.metadata():
            raise OkapError("client_unsupported", f"the vault has no {name}")
        return self.metadata()[name]

    def _own(self, endpoint: str, path: str, access: Access) -> Json:
        headers = {"Authorization": f"Bearer {access.token}"}
        return self._send("GET", self._endpoint(endpoint) + path, headers=headers)[1]

    def _at_vault(self, url: str) -> str:
        try:
            same = urlsplit(self.issuer)[:2] == urlsplit(url)[:2]  # scheme and host with port
        except (ValueError, TypeError, AttributeError):
            same = False
        if not same:
            raise OkapError("client_foreign_address", "the vault names an address that is not its own")
        return printable(url)

    def _send(self, method: str, url: str, *, body: Json | None = None, form: Json | None = None,
              headers: Json | None = None, timeout: float = 30) -> tuple[int, Json]:
        """One request: the status and the JSON of a success, or the vault's error raised."""
        headers, data = dict(headers or {}), None
        if body is not None:
            headers["Content-Type"], data = "application/json", json.dumps(body).encode()
        elif form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            data = urlencode({name: value for name, value in form.items() if value is not None}).encode()
        try:
            with OPENER.open(urllib.request.Request(url, data, headers, method=method), timeout=timeout) as answer:
                text = answer.read()
                return answer.status, json.loads(text, object_hook=Answer) if text else {}
        except urllib.error.HTTPError as refused:
            raise error_from(refused) from None
        except (OSError, ValueError) as broken:
            raise OkapError("client_no_answer", type(broken).__name__) from broken


class Listener:
    """Takes the redirect of one attempt; a callback that does not fit changes nothing (OKAP-R-120)."""

    def __init__(self, issuer: str, state: str):
        listener, self.answer = self, {}

        class Handler(BaseHTTPRequestHandler):
            timeout = 5

            def do_GET(self) -> None:
                at = urlsplit(self.path)
                pairs = parse_qsl(at.query)
                query = dict(pairs)
                fits = (at.path == "/callback" and len(query) == len(pairs)
                        and query.get("iss") == issuer  # OKAP-R-118
                        and hmac.compare_digest(query.get("state", "").encode(), state.encode())  # OKAP-R-119
                        and ("code" in query or "error" in query))
                if fits:
                    listener.answer = query
                self.send_response(200 if fits else 400)
                self.send_header("Content-Type", "text/plain")
                self.end_headers()
                self.wfile.write(b"Done: you can close this page." if fits else b"Not the answer to our question.")

            def log_message(self, *_: Any) -> None:
                """Says nothing: the address holds a code."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)  # OKAP-R-075
        self.server.handle_error = lambda *_: None  # a browser that hung up
        self.redirect_uri = f"http://127.0.0.1:{self.server.server_port}/callback"

    def wait(self, timeout: float) -> str:
        """The code, or the error that came in its place."""
        deadline = time.monotonic() + timeout
        while not self.answer:
            self.server.timeout = deadline - time.monotonic()
            if self.server.timeout <= 0:
                raise OkapError("client_timeout", "no answer came to the browser")
            self.server.handle_request()
        if "error" in self.answer:
            raise OkapError(self.answer["error"], self.answer.get("error_description", ""))
        return self.answer["code"]

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_: Any) -> None:
        self.server.server_close()


class NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None  # OKAP-R-006


OPENER = urllib.request.build_opener(NoRedirects)


def check_issuer(issuer: str) -> None:
    """An https address, or http on a loopback address (OKAP-R-005), with nothing behind its path."""
    at = urlsplit(issuer)
    try:
        loopback = ipaddress.ip_address(at.hostname or "").is_loopback
    except ValueError:
        loopback = False
    if at.scheme != "https" and not (at.scheme == "http" and loopback):
        raise OkapError("client_insecure", "a vault is reached over https, or http on loopback")
    if not at.hostname or set("@?#") & set(issuer) or issuer.endswith("/"):
        raise OkapError("client_bad_issuer", "an issuer has no userinfo, query, fragment or last slash")


def check_within(asked: list[Json], granted: list[Json]) -> None:
    """Every granted object lies within one asked object of its own (OKAP-R-045)."""
    free = sorted(asked, key=lambda one: not one.get("models"))
    for one in granted:
        parent = next((a for a in free if within(a, one)), None)
        if parent is None:
            raise OkapError("client_wider_grant", f"{one['provider']} is wider than what was asked")
        free.remove(parent)


def within(asked: Json, granted: Json) -> bool:
    """What is absent or empty was left to the user; a limit may be lower, never gone."""
    limits = granted.get("limits", {})
    return (asked["provider"] == granted["provider"]
            and all(not asked.get(name) or set(granted[name]) <= set(asked[name])
                    for name in ("models", "capabilities"))
            and all(name in limits and Decimal(str(limits[name])) <= Decimal(str(most))
                    for name, most in asked.get("limits", {}).items())
            and ("expires" not in asked or moment(granted["expires"]) <= moment(asked["expires"])))


def moment(text: str) -> datetime:
    """RFC 3339, or a date for its beginning in UTC."""
    found = datetime.fromisoformat(text.upper().replace("Z", "+00:00"))
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)


def error_from(refused: urllib.error.HTTPError) -> OkapError:
    """The error of a vault's answer; that of a proxied call has `okap` beside the provider's shape."""
    code, said = f"http_{refused.code}", ""
    with refused:
        try:
            body = json.loads(refused.read())
            if isinstance(body["error"], str):
                code, said = body["error"], body.get("error_description", "")
            else:
                code, said = body.get("okap", {}).get("code", code), body["error"].get("message", "")
        except (ValueError, LookupError, TypeError, AttributeError):
            pass  # a gateway's page, say
    return OkapError(code, str(said), refused.code)


def printable(text: str) -> str:
    """Without what a terminal would obey (OKAP-R-147)."""
    return "".join(one for one in text if one.isprintable())
