"""The stack as a suite sees it; see ../harness."""

import json
import os
import time
import unittest
import urllib.error
import urllib.request

OPENAI = {
    "type": "ai_model_access",
    "provider": "openai",
    "models": ["gpt-4o-mini", "text-embedding-3-small"],
    "capabilities": ["chat", "embeddings"],
}
ANTHROPIC = {
    "type": "ai_model_access",
    "provider": "anthropic",
    "models": ["claude-sonnet-5"],
    "capabilities": ["chat"],
}
GOOGLE = {
    "type": "ai_model_access",
    "provider": "google",
    "models": ["gemini-2.5-flash", "gemini-embedding-001"],
    "capabilities": ["chat", "embeddings"],
}


def _post(url, arguments):
    request = urllib.request.Request(url, json.dumps(arguments).encode(), {"content-type": "application/json"})
    # no proxy of the machine between the pieces
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=120) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        raise AssertionError(error.read().decode()) from None


def desk(verb, **arguments):
    """Asks the harness for something."""
    return _post(f"{os.environ['OKAP_DESK']}/{verb}", arguments)


def info():
    return desk("info")


def fault(**rule):
    """How the provider answers the next calls."""
    return _post(f"{info()['provider']}/__provider/fault", rule)


class Case(unittest.TestCase):
    """A test that keeps what it saw for the search at the end."""

    def details(self, one, **limits):
        return {**one, "limits": limits} if limits else one

    def grant(self, one, **limits):
        """A grant for an app of its own: money and rates are counted by app."""
        return desk("grant", client=self.id().rpartition(".")[2], details=[self.details(one, **limits)])

    def saw(self, *things):
        for thing in things:
            desk("note", text=thing if isinstance(thing, str) else repr(thing))

    def saw_error(self, error):
        """Everything that an exception shows to whoever logs it."""
        response = getattr(error, "response", None)
        shown = [str(error), repr(error), repr(getattr(error, "body", None))]
        if response is not None:
            shown += [response.text, repr(dict(response.headers))]
        for text in shown:
            self.assertNotIn("okap_at_", text)
            self.saw(text)
        return " ".join(shown)

    def requests(self, path):
        """How many requests with this path have reached the vault."""
        return sum(1 for one in desk("requests") if one["path"].split("?")[0].endswith(path))

    def refused(self, kind, call, *, status, code, says, path=None):
        """The call fails with this type, status, code and words, after a single request."""
        before = self.requests(path) if path else 0
        with self.assertRaises(kind) as caught:
            call()
        error = caught.exception
        shown = self.saw_error(error)
        self.assertEqual(error.status_code, status)
        self.assertIn(code, shown)
        self.assertIn(says.lower(), str(error).lower())
        if path:
            self.assertEqual(self.requests(path) - before, 1, "requests, so 0 retries")
        return error

    def wait_for(self, condition, patience=5):
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if condition():
                return
            time.sleep(0.05)
        self.fail("it did not happen in time")
