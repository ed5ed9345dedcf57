"""The way to the provider and back (sections 12.5 and 12.6)."""

import asyncio
import ipaddress
import json
import re
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from .errors import Refusal

UP = ("accept", "anthropic-version", "anthropic-beta", "openai-beta")
DOWN = ("content-type", "retry-after", "retry-after-ms", "x-should-retry", "x-request-id",
        "request-id", "openai-processing-ms")
_MOST = 64 * 1024 * 1024
_EVENT_END = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_FAILURES = (aiohttp.ClientError, ValueError, OSError)


class Upstream:
    """One provider: its address from the configuration, its key, connections to it."""

    def __init__(self, base_url, key, patience):
        self.base_url, self.key = check_address(base_url), key
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=patience)
        self._session = aiohttp.ClientSession(
            timeout=timeout, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=["Accept"])

    async def close(self):
        """Ends the connections."""
        await self._session.close()

    async def send(self, route, headers, body):
        """A fresh request: headers of the list that hold no token, and one credential."""
        fresh = {name: ", ".join(headers.getall(name)) for name in UP if name in headers}
        fresh = {name: value for name, value in fresh.items() if "okap_" not in value.lower()}
        fresh |= {"Content-Type": "application/json", "Accept-Encoding": "identity",
                  "User-Agent": "okap-python-vault", "Authorization": f"Bearer {self.key}"}
        url = URL(self.base_url + route, encoded=True)
        with translated():
            # a POST is sent once: nothing here tries again
            reply = await self._session.post(url, data=body, headers=fresh, allow_redirects=False)
        try:
            self._check(reply)
        except Refusal:
            reply.close()
            raise
        return reply

    def _check(self, reply):
        if 300 <= reply.status < 400:
            raise Refusal("upstream_redirect_refused", "the provider answered with a redirect")
        if reply.status in (401, 403):
            raise Refusal("upstream_credential_error", "the provider refused the vault's key")
        if reply.status != 200 and reply.status < 400:
            raise Refusal("upstream_error", "the provider's answer has an odd status")
        if reply.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise Refusal("upstream_error", "the provider encoded what nobody asked it to encode")
        if any(self.key in reply.headers.get(name, "") for name in DOWN):
            raise Refusal("upstream_error", "the provider's answer repeats its key")

    def headers(self, reply):
        """What of the provider's headers the app is told."""
        found = {name: reply.headers[name] for name in DOWN if name in reply.headers}
        return {**found, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

    async def read(self, reply):
        """A whole answer, which has to be JSON that is the provider's own; bytes and value."""
        body = bytearray()
        with translated():
            async for piece in reply.content.iter_any():
                body += piece
                if len(body) > _MOST:
                    raise Refusal("upstream_error", "the provider's answer is too long")
            value = json.loads(body)
        self.look_at(bytes(body), value)
        return bytes(body), value

    def look_at(self, raw, value):
        """Refuses what poses as the vault, or repeats the key, however JSON spells it."""
        if isinstance(value, dict) and "okap" in value:
            raise Refusal("upstream_error", "the provider's answer poses as the vault's")
        if self.key.encode() in raw or self.key in json.dumps(value, ensure_ascii=False):
            raise Refusal("upstream_error", "the provider's answer repeats its key")

    async def events(self, reply, cut):
        """The events of a stream as they come, with what their data say; ends where `cut` is set.

        A key that comes in pieces is seen as well: events that could begin one are held back until
        the next has shown what it is.
        """
        buffer, said, held = b"", Said(self.key), []
        while True:
            while found := _EVENT_END.search(buffer):
                event, buffer = buffer[:found.end()], buffer[found.end():]
                value = data_of(event)
                self.look_at(event, value)
                held.append((event, value))
                if said.is_harmless(value):
                    for one in held:
                        yield one
                    held = []
            if len(buffer) > _MOST:
                raise Refusal("upstream_error", "an event of the provider is too long")
            piece = await _unless(cut, reply.content.readany())
            if not piece:
                if buffer.strip() or held:
                    raise Refusal("upstream_error", "the provider's stream broke off")
                return
            buffer += piece


class Said:
    """What a stream said so far in each member of its events, as far back as a key is long."""

    # so much of a key is no secret: providers write the same in front of all
    _PUBLIC = 8

    def __init__(self, key):
        self._key, self._tails = key, {}

    def is_harmless(self, value):
        """Whether no member ends with the beginning of the key."""
        for path, text in _strings(value):
            text = self._tails.get(path, "") + text
            if self._key in text:
                raise Refusal("upstream_error", "the provider's answer repeats its key")
            self._tails[path] = text[-len(self._key):]
        begins = [self._key[:n] for n in range(self._PUBLIC, len(self._key))]
        return not any(tail.endswith(begin) for tail in self._tails.values() for begin in begins)


def _strings(value, path=()):
    """All strings of a value, with where they stand."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, (dict, list)):
        for name, one in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _strings(one, (*path, name))


async def _unless(cut, reading):
    """What is read, unless the grant is revoked meanwhile."""
    reading, cutting = asyncio.ensure_future(reading), asyncio.ensure_future(cut.wait())
    try:
        await asyncio.wait({reading, cutting}, return_when=asyncio.FIRST_COMPLETED)
        if cut.is_set():
            raise Refusal("token_revoked", "the user revoked this access")
        with translated():
            return reading.result()
    finally:
        reading.cancel()
        cutting.cancel()


class translated:
    """Turns what goes wrong on the way into the vault's words."""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if isinstance(error, TimeoutError):
            raise Refusal("upstream_timeout", "the provider did not answer in time") from None
        if isinstance(error, _FAILURES):
            raise Refusal("upstream_error", "the provider's answer is broken") from None


def data_of(event):
    """The JSON of an event's data, or its text where it is none."""
    lines = event.decode(errors="replace").splitlines()
    data = "\n".join(line[5:].removeprefix(" ") for line in lines if line.startswith("data:"))
    try:
        return json.loads(data)
    except ValueError:
        return data


def check_address(base_url):
    """Keys go over TLS, or in the clear to this very computer."""
    url = urlsplit(base_url)
    if url.scheme == "https" and url.hostname:
        return base_url.rstrip("/")
    try:
        if url.scheme == "http" and ipaddress.ip_address(url.hostname or "").is_loopback:
            return base_url.rstrip("/")
    except ValueError:
        pass
    raise SystemExit(f"{base_url}: a provider is reached over https, or http on a loopback address")
