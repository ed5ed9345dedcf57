"""Which path leads where, and the server around it."""

import asyncio
from urllib.parse import urlsplit

from aiohttp import web

from . import errors, metadata, pages
from .direct import Direct
from .errors import Refusal
from .hook import PATH as HOOK, Hook
from .own import Own
from .proxy import PATH as CALLS

_WELL_KNOWN = "/.well-known/"


class App:
    """The vault as one handler."""

    def __init__(self, desk, proxy, owner, hooked):
        direct, own, issuer, provider = Direct(desk), Own(desk), desk.issuer, proxy.provider

        async def server(request):
            return metadata.server(issuer, provider)

        async def resource(request):
            return metadata.resource(issuer, provider)

        async def health(request):
            return errors.answer(200, {})

        self._proxy, self._own, self._owner = proxy, own, owner
        self._routes = {
            "/healthz": {"GET": health},
            f"{_WELL_KNOWN}oauth-authorization-server": {"GET": server},
            f"{_WELL_KNOWN}oauth-protected-resource/v1/{provider}": {"GET": resource},
            "/okap/authorize": {"POST": direct.authorize},
            "/okap/continue": {"POST": direct.fetch},
            "/okap/token": {"POST": own.token},
            "/okap/revoke": {"POST": own.revoke},
            "/okap/introspect": {"POST": own.introspect},
            "/okap/limits": {"GET": own.limits},
            "/": {"GET": owner.home},
            "/okap/sign-in": {"POST": owner.sign_in},
            "/okap/revoke-grant": {"POST": owner.revoke},
            **({HOOK: {"POST": Hook(desk).take}} if hooked else {}),
        }

    async def answer(self, request):
        """Answers any request."""
        path = request.raw_path.partition("?")[0]
        if path.startswith(CALLS):
            return await self._proxy.walk(request)
        methods, more = self._find(path)
        try:
            if request.method not in methods:
                allow = {"Allow": ", ".join(methods)}
                raise Refusal("method_not_allowed", "another method is needed", headers=allow)
            return await methods[request.method](request, *more)
        except Refusal as refusal:
            said = pages if methods.get("POST") in self._forms() else errors
            response = said.refused(refusal)
            if refusal.status in (408, 413):
                response.force_close()
            return response

    def _find(self, path):
        """The methods of a path, and what of it they need to know."""
        begin, _, id = path.rpartition("/")
        if begin == "/okap/grants" and id:
            return {"GET": self._own.grant, "DELETE": self._own.grant}, [id]
        if begin == "/okap/consent" and id:
            return {"GET": self._owner.consent, "POST": self._owner.consent}, [id]
        return self._routes.get(path, _NOWHERE), []

    def _forms(self):
        return self._owner.consent, self._owner.sign_in, self._owner.revoke


async def _nowhere(request):
    raise Refusal("not_found", "there is nothing here")


_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_NOWHERE = {method: _nowhere for method in _METHODS}


class Server(web.Server):
    """aiohttp's server, which also closes a connection on which no request arrives."""

    def __init__(self, answer, patience):
        super().__init__(self._answer, handler_cancellation=True, auto_decompress=False,
                         keepalive_timeout=patience, lingering_time=1)
        self._then, self._patience, self._silent = answer, patience, set()

    async def _answer(self, request):
        self._silent.discard(request.protocol)
        return await self._then(request)

    def __call__(self):
        connection = super().__call__()
        self._silent.add(connection)
        asyncio.get_running_loop().call_later(self._patience, self._give_up, connection)
        return connection

    def _give_up(self, connection):
        transport = connection.transport
        if connection in self._silent and transport and not transport.is_closing():
            transport.write(b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n"
                            b"Content-Length: 0\r\n\r\n")
            transport.close()
        self._silent.discard(connection)


def check_issuer(issuer, host):
    """An issuer is an origin; in the clear it is served on this computer alone."""
    url = urlsplit(issuer)
    if issuer != f"{url.scheme}://{url.netloc}" or not url.hostname or "@" in url.netloc:
        raise SystemExit(f"{issuer}: an issuer here is scheme and host, and no path")
    if host not in ("127.0.0.1", "::1"):
        raise SystemExit(f"{host}: this vault listens on 127.0.0.1 or ::1 alone")
    if url.scheme != "https" and url.hostname not in ("127.0.0.1", "::1", "localhost"):
        raise SystemExit(f"{issuer}: anything but this computer needs https, by a proxy before it")
    return issuer
