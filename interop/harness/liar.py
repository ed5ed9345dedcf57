"""A vault that answers what it is told to, right or wrong: what a client has to notice."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ENDPOINTS = {
    "authorization_endpoint": "/okap/authorize",
    "token_endpoint": "/okap/token",
    "pushed_authorization_request_endpoint": "/okap/par",
    "device_authorization_endpoint": "/okap/device_authorization",
    "revocation_endpoint": "/okap/revoke",
    "okap_direct_endpoint": "/okap/authorize",
    "okap_limits_endpoint": "/okap/limits",
    "okap_grants_endpoint": "/okap/grants",
}


class Liar:
    """Serves until the process ends. `answers` has for each path a list of `[status, body, headers]`,
    of which the last one stays; `{url}` in them is its own address. `metadata` replaces members of
    good metadata, null takes one away."""

    def __init__(self, answers, metadata):
        liar, self.heard, self.lock = self, [], threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers.get("content-length") or 0)
                body = self.rfile.read(length).decode()
                path = self.path.split("?")[0]
                came = {"method": self.command, "path": path, "body": body, "headers": dict(self.headers)}
                came["at"] = time.monotonic()
                with liar.lock:
                    liar.heard.append(came)
                    waiting = liar.answers.get(path) or [[404, {"error": "not_found"}]]
                    status, answer, *headers = waiting.pop(0) if len(waiting) > 1 else waiting[0]
                data = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
                self.send_response(status)
                for name, value in {"content-type": "application/json", **(headers[0] if headers else {})}.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        good = {
            "issuer": self.url,
            **{name: self.url + path for name, path in ENDPOINTS.items()},
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }
        told = {name: value for name, value in {**good, **metadata}.items() if value is not None}
        answers = {"/.well-known/oauth-authorization-server": [[200, told]], **answers}
        self.answers = json.loads(json.dumps(answers).replace("{url}", self.url))
        threading.Thread(target=server.serve_forever, daemon=True).start()
