"""HTTP as a browser with cookies sends it: no redirects followed, everything seen is kept."""

import http.client
import json
from urllib.parse import urlencode, urlsplit


class Answer:
    """A status, headers by small name, and a body."""

    def __init__(self, method, url, response, body):
        self.request = f"{method} {url}"
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.cookies = [value for name, value in response.getheaders() if name.lower() == "set-cookie"]
        self.text = body.decode("utf-8", "replace")

    def json(self):
        return json.loads(self.text)

    def want(self, *statuses):
        """Itself, if the status is one of these."""
        if self.status not in statuses:
            raise AssertionError(f"{self.request} answered {self.status}, not {statuses}: {self.text[:600]}")
        return self


class Browser:
    """Keeps cookies, and hands every answer to `seen`."""

    def __init__(self, seen=lambda text: None):
        self.cookies = {}
        self.seen = seen

    def send(self, method, url, *, form=None, body=None, headers=(), timeout=60):
        parts = urlsplit(url)
        headers = dict(headers)
        data = None
        if form is not None:
            data = urlencode(form, doseq=True).encode()
            headers.setdefault("content-type", "application/x-www-form-urlencoded")
            # a browser names the page's origin with every POST
            headers.setdefault("origin", f"{parts.scheme}://{parts.netloc}")
            headers.setdefault("sec-fetch-site", "same-origin")
        elif body is not None:
            data = json.dumps(body).encode()
            headers.setdefault("content-type", "application/json")
        jar = self.cookies.get(parts.netloc, {})
        if jar:
            headers["cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
        try:
            target = parts.path + (f"?{parts.query}" if parts.query else "")
            connection.request(method, target or "/", data, headers)
            response = connection.getresponse()
            answer = Answer(method, url, response, response.read())
        finally:
            connection.close()
        for cookie in answer.cookies:
            name, _, value = cookie.split(";")[0].partition("=")
            self.cookies.setdefault(parts.netloc, {})[name.strip()] = value
        self.seen(f"{answer.headers}\n{answer.text}")
        return answer

    def get(self, url, **more):
        return self.send("GET", url, **more)

    def post(self, url, **more):
        return self.send("POST", url, **more)
