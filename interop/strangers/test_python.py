"""The client in examples/python-client, written from the specification alone, in every flow."""

import json
import os
import re
import subprocess
import sys
import threading
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "examples" / "python-client"
sys.path.insert(0, str(FOLDER))

import okap_client as okap  # noqa: E402

OPENAI = {"type": "ai_model_access", "provider": "openai", "models": ["gpt-4o-mini"], "capabilities": ["chat"],
          "limits": {"monthly_spend": "10.00", "requests_per_minute": 60}}
TWO_MODELS = {**OPENAI, "models": ["gpt-4o-mini", "text-embedding-3-small"], "capabilities": ["chat", "embeddings"]}
ANTHROPIC = {"type": "ai_model_access", "provider": "anthropic", "models": ["claude-sonnet-5"]}


def desk(verb, **arguments):
    """Asks the harness for something."""
    request = urllib.request.Request(f"{os.environ['OKAP_DESK']}/{verb}", json.dumps(arguments).encode())
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


INFO = desk("info")


def browser(action="allow", **more):
    """What opens a link: the user's browser, which decides, and comes back only then."""
    return lambda url: desk("follow", url=url, action=action, **more)


def chat(access, model="gpt-4o-mini"):
    """One streamed call, its events as text."""
    body = {"model": model, "messages": [{"role": "user", "content": INFO["prompt"]}], "stream": True, "max_tokens": 50}
    request = urllib.request.Request(
        access.base_url("openai") + "/chat/completions", json.dumps(body).encode(),
        {"content-type": "application/json", "authorization": f"Bearer {access.token}"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as refused:
        raise okap.error_from(refused) from None


class Flows(unittest.TestCase):
    def setUp(self):
        self.client = okap.Client(INFO["vault"], name=self.id().rpartition(".")[2])

    def refused(self, code, what, *arguments, status=None, **named):
        with self.assertRaises(okap.OkapError) as caught:
            what(*arguments, **named)
        self.assertEqual(caught.exception.code, code, caught.exception)
        if status:
            self.assertEqual(caught.exception.status, status)
        return caught.exception

    def direct(self, details=(OPENAI,)):
        asked = self.client.ask(list(details))
        desk("decide", page=asked.uri, action="allow")
        return self.client.wait(asked)

    def browsed(self, details=(OPENAI,), narrow=None):
        return self.client.authorize_in_browser(list(details), narrow, open_url=browser())

    def test_discovery_reads_the_metadata(self):
        self.assertIn("core", self.client.metadata()["okap_profiles_supported"])

    def test_an_address_that_is_no_issuer_is_not_called(self):
        here = INFO["vault"]
        for address in ("http://vault.example", "ftp://127.0.0.1", "http://u@127.0.0.1:1", here + "/", here + "?a",
                        "vault"):
            with self.subTest(address), self.assertRaises(okap.OkapError):
                okap.Client(address, "x")

    def test_a_direct_request_is_granted_and_used(self):
        asked = self.client.ask([OPENAI, ANTHROPIC])
        self.assertRegex(asked.user_code, "^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$")
        decision = threading.Timer(1, desk, ("decide",), {"page": asked.uri, "action": "allow"})
        decision.start()
        access = self.client.wait(asked)
        self.assertIn("data:", chat(access))
        self.assertEqual({one["provider"] for one in access.details}, {"openai", "anthropic"})
        self.assertNotIn(access.token, repr(access))
        self.assertNotIn(asked.secret, repr(asked))
        self.refused("invalid_token", self.client.wait, asked, status=401)

    def test_a_direct_request_is_denied(self):
        asked = self.client.ask([OPENAI])
        desk("decide", page=asked.uri, action="deny")
        self.refused("access_denied", self.client.wait, asked, status=403)

    def test_a_direct_request_waits_while_nobody_decides(self):
        asked = self.client.ask([OPENAI])
        self.refused("client_timeout", self.client.wait, asked, timeout=3)
        desk("decide", page=asked.uri, action="allow")
        self.client.wait(asked)

    def test_a_bad_request_is_refused_by_its_code(self):
        self.refused("invalid_authorization_details", self.client.ask, [{**OPENAI, "model": "x"}], status=400)

    def test_the_code_flow_is_granted_and_used(self):
        access = self.browsed()
        self.assertIn("data:", chat(access))
        self.assertIsNotNone(access.refresh_token)

    def test_the_code_flow_is_denied(self):
        self.refused("access_denied", self.client.authorize_in_browser, [OPENAI], open_url=browser("deny"))

    def test_a_callback_that_does_not_fit_changes_nothing(self):
        with okap.Listener(INFO["vault"], "right") as listener:
            statuses = []

            def browse():
                for state, iss, more in (("wrong", INFO["vault"], "&code=c"), ("right", "http://127.0.0.1:1", "&code=c"),
                                         ("right", INFO["vault"], "&code=c&code=d"), ("right", INFO["vault"], ""),
                                         ("right", INFO["vault"], "&code=good")):
                    url = f"{listener.redirect_uri}?state={state}&iss={iss}{more}"
                    try:
                        statuses.append(urllib.request.urlopen(url).status)
                    except urllib.error.HTTPError as error:
                        statuses.append(error.code)
                        error.close()

            thread = threading.Thread(target=browse)
            thread.start()
            self.assertEqual(listener.wait(10), "good")
            thread.join()
        self.assertEqual(statuses, [400, 400, 400, 400, 200])

    def test_a_code_is_redeemed_for_less(self):
        access = self.browsed([TWO_MODELS], [{**OPENAI, "limits": {"monthly_spend": "1.00"}}])
        self.assertEqual(access.details[0]["models"], ["gpt-4o-mini"])
        self.assertEqual(access.details[0]["limits"]["monthly_spend"], "1.00")
        self.assertEqual(self.client.refresh(access).details[0]["limits"]["monthly_spend"], "10.00")

    def test_a_refresh_renews_in_place(self):
        access = self.browsed()
        before = access.token, access.refresh_token
        self.assertIs(self.client.refresh(access), access)
        self.assertNotEqual(before, (access.token, access.refresh_token))
        self.assertIn("data:", chat(access))
        self.client.refresh(access)

    def test_two_refreshes_at_once_run_one_after_the_other(self):
        access = self.browsed()
        threads = [threading.Thread(target=self.client.refresh, args=(access,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertIn("data:", chat(access))

    def test_a_direct_access_cannot_be_renewed(self):
        self.refused("client_no_refresh", self.client.refresh, self.direct())

    def test_a_narrower_token_may_do_less(self):
        access = self.browsed([TWO_MODELS])
        less = self.client.narrow(access, [{"type": "ai_model_access", "provider": "openai",
                                            "models": ["text-embedding-3-small"]}])
        self.refused("model_not_allowed", chat, less, status=403)
        self.assertIn("data:", chat(access))
        self.refused("invalid_authorization_details", self.client.narrow, access,
                     [{"type": "ai_model_access", "provider": "openai", "models": ["gpt-4"]}], status=400)
        self.assertIn("data:", chat(self.client.refresh(access)))

    def test_a_delegate_gets_a_grant_below(self):
        for name, access in (("code", self.browsed()), ("direct", self.direct())):
            with self.subTest(name):
                self.delegated(access)

    def delegated(self, access):
        less = [{"type": "ai_model_access", "provider": "openai", "limits": {"monthly_spend": "1.00"}}]
        child = self.client.delegate(access, less, "Summariser")
        self.assertNotEqual(child.grant_id, access.grant_id)
        self.assertIn("data:", chat(child))
        self.assertEqual(self.client.grant(child)["parent_grant_id"], access.grant_id)
        grandchild = self.client.delegate(child, less, "Summariser of the summariser")
        self.client.revoke(child)
        self.refused("token_revoked", chat, grandchild, status=401)
        self.refused("token_revoked", chat, child, status=401)
        self.assertIn("data:", chat(access))

    def test_the_limits_say_what_is_left(self):
        access = self.direct()
        chat(access)
        [entry] = self.client.limits(access)
        self.assertEqual(entry["limits"]["requests_per_minute"]["used"], 1)
        self.assertEqual(entry["limits"]["monthly_spend"]["limit"], "10.00")

    def test_a_revoked_access_is_refused_at_once(self):
        for name, access in (("code", self.browsed()), ("direct", self.direct())):
            with self.subTest(name):
                self.client.revoke(access)
                self.refused("token_revoked", chat, access, status=401)
                self.assertEqual(self.client.grant(access)["status"], "revoked")
        self.refused("client_no_refresh", self.client.refresh, access)

    def test_a_refresh_of_a_revoked_grant_is_refused(self):
        access = self.browsed()
        self.client.revoke(access)
        self.refused("invalid_grant", self.client.refresh, access, status=400)

    def test_the_demo_tells_its_story(self):
        command = [sys.executable, "-B", FOLDER / "demo.py", INFO["vault"]]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as demo:
            first = demo.stdout.readline()
            desk("decide", page=re.search(r"http\S+", first)[0], action="allow")
            rest = demo.stdout.read()
        self.assertEqual(demo.returncode, 0, rest)
        self.assertRegex(rest, r"openai requests_per_minute: 1 of 10\n(.*\n)*Given back.\n$")
        self.assertNotIn("okap_", first + rest)

    def test_a_device_is_allowed(self):
        asked = self.client.ask_by_device([OPENAI])
        desk("follow", url=asked.uri, action="allow", code=asked.user_code.lower().replace("-", " "))
        access = self.client.wait(asked)
        self.assertIn("data:", chat(access))
        self.assertIn("data:", chat(self.client.refresh(access)))

    def test_a_device_is_denied(self):
        asked = self.client.ask_by_device([OPENAI])
        desk("follow", url=asked.complete_uri, action="deny", code=asked.user_code)
        self.refused("access_denied", self.client.wait, asked, status=400)

    def test_a_device_waits_while_nobody_decides(self):
        asked = self.client.ask_by_device([OPENAI])
        self.refused("client_timeout", self.client.wait, asked, timeout=asked.interval + 3)
        time.sleep(asked.interval)
        desk("follow", url=asked.complete_uri, action="allow", code=asked.user_code)
        self.client.wait(asked)


ASKED = {"type": "ai_model_access", "provider": "openai", "models": ["gpt-4o-mini"], "capabilities": ["chat"],
         "limits": {"monthly_spend": "10.00"}, "expires": "2027-01-01"}


class Lies(unittest.TestCase):
    """What the client notices, at a vault that answers what it is told to."""

    def test_what_does_not_fit_is_noticed(self):
        for case in json.loads(Path(__file__).with_name("lies.json").read_text())["cases"]:
            with self.subTest(case["name"]):
                url = desk("liar", answers=case.get("answers"), metadata=case.get("metadata"))["url"]
                code = None
                try:
                    getattr(self, case["flow"])(okap.Client(url + case.get("at", ""), "Stranger"))
                except okap.OkapError as error:
                    code = error.code
                self.assertEqual(code, case["code"])
                heard = desk("heard", url=url)
                self.assertNotIn(case.get("never"), [one["path"] for one in heard])
                if "apart" in case:
                    self.assertGreater(heard[-1]["at"] - heard[-2]["at"], case["apart"])

    def discover(self, client):
        client.metadata()

    def browser(self, client):
        client.authorize_in_browser([ASKED], open_url=self.fail)

    def ask(self, client):
        return client.ask([ASKED])

    def wait(self, client):
        return client.wait(client.ask([ASKED]))

    def device(self, client):
        return client.wait(client.ask_by_device([ASKED]))

    def refresh(self, client):
        access = self.device(client)
        try:
            self.assertEqual(client.refresh(access).refresh_token, "okap_rt_x")
        finally:
            self.assertIsNotNone(access.refresh_token)

    def test_what_a_terminal_would_obey_is_taken_out(self):
        self.assertEqual(okap.printable("BDWP\x1b[2J-HQ\u202eXK\r\n"), "BDWP[2J-HQXK")

    def test_a_wider_grant_is_seen(self):
        file = Path(__file__).parents[2] / "spec" / "vectors" / "consent.json"
        for case in json.loads(file.read_text())["cases"]:
            approved = case["approved"]
            # these two a client cannot see
            if approved["capabilities"] and okap.moment(approved["expires"]) <= okap.moment(case["latest"]):
                with self.subTest(case["name"]):
                    granted = {"provider": case["asked"]["provider"], **approved}
                    self.assertEqual(okap.within(case["asked"], granted), case["granted"])


if __name__ == "__main__":
    unittest.main()
