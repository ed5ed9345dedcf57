"""The stack over HTTP, for suites in any language: `POST /{verb}` with JSON arguments."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .liar import Liar
from .stack import COMPATIBLE


class Desk:
    """Serves on a free port until the process ends."""

    def __init__(self, stack):
        self.stack = stack
        self.liars = {}
        desk = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                length = int(self.headers.get("content-length") or 0)
                raw = self.rfile.read(length)
                try:
                    verb = getattr(desk, "do_" + self.path.strip("/"))
                    status, answer = 200, verb(**json.loads(raw or b"{}"))
                except Exception as error:
                    status, answer = 500, {"error": f"{type(error).__name__}: {error}"}
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def do_info(self):
        """Addresses, and the words that a suite needs."""
        stack = self.stack
        return {
            "vault": stack.url,
            "provider": stack.provider_url,
            "passphrase": stack.passphrase,
            "prompt": stack.prompt,
            "resource_servers": stack.resource_servers,
            "compatible": {name: model for name, (model, _) in COMPATIBLE.items()},
        }

    def do_grant(self, client, details, edits=()):
        return self.stack.grant(client, details, edits)

    def do_ask(self, client, details):
        return self.stack.ask(client, details)

    def do_fetch(self, asked, wait=10):
        answer = self.stack.fetch(asked, wait)
        return {"status": answer.status, "body": answer.json()}

    def do_decide(self, page, action, edits=()):
        return {"status": self.stack.user.decide(page, action, edits).status}

    def do_authorize(self, url, action, edits=()):
        return {"location": self.stack.user.authorize(url, action, edits)}

    def do_as_published(self, asked, client_id, redirect_uri=None):
        self.stack.as_published(asked["interaction_uri"], client_id, redirect_uri)
        return {}

    def do_follow(self, url, action, code=None, edits=()):
        """Opens what an app showed, decides, and goes back to the app where the vault says so."""
        self.stack.user.follow(url, action, code, edits)
        return {}

    def do_liar(self, answers=None, metadata=None):
        """Starts a vault that answers what it is told to."""
        liar = Liar(answers or {}, metadata or {})
        self.liars[liar.url] = liar
        return {"url": liar.url}

    def do_heard(self, url):
        """What came to such a vault."""
        return self.liars[url].heard

    def do_links(self):
        return {"count": len(self.stack.links())}

    def do_decide_next(self, after, action):
        """Decides on the request that the vault's log names after `after` others."""
        page = self.stack.waiting(after)
        return {"status": self.stack.user.decide(page, action).status, "page": page}

    def do_revoke(self, grant_id):
        self.stack.user.revoke(grant_id)
        return {}

    def do_cli(self, args):
        return self.stack.cli(args)

    def do_ledger(self):
        return self.stack.ledger()

    def do_requests(self):
        """What came over the tap until now."""
        with self.stack.tap.lock:
            return list(self.stack.tap.requests)

    def do_note(self, text):
        self.stack.note(text)
        return {}
