"""Authlib: the code flow, refresh, revocation, introspection, device and exchange."""

import json
import os
import sys
import time
import unittest
from urllib.parse import parse_qs, urlencode, urlsplit

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc6749.errors import MismatchingStateException
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url
from desk import OPENAI, Case, desk, info

LOCAL = "http://localhost"
REDIRECT = "http://127.0.0.1:51004/callback"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS = "urn:ietf:params:oauth:token-type:access_token"
TESTS = 12
DETAILS = [{**OPENAI, "limits": {"monthly_spend": "5.00"}}]


class Peer(Case):
    @classmethod
    def setUpClass(cls):
        cls.vault = info()["vault"]
        with OAuth2Session() as client:
            answer = client.get(get_well_known_url(cls.vault, external=True), withhold_token=True)
        cls.metadata = AuthorizationServerMetadata(answer.json())

    def client(self, **more):
        client = OAuth2Session(
            client_id=LOCAL,
            token_endpoint_auth_method="none",
            revocation_endpoint_auth_method="none",
            redirect_uri=REDIRECT,
            code_challenge_method="S256",
            token_endpoint=self.metadata["token_endpoint"],
            **more,
        )
        self.addCleanup(client.close)
        return client

    def post(self, client, endpoint, **form):
        """What Authlib has no call for, with its session and its client authentication."""
        auth = client.client_auth("none")
        return client.post(self.metadata[endpoint], data=form, auth=auth, withhold_token=True)

    def authorize(self, client, action="allow", details=DETAILS):
        """The address that the app's listener would get, and the secrets of the attempt."""
        verifier, state = generate_token(64), generate_token(32)
        pushed = self.post(
            client,
            "pushed_authorization_request_endpoint",
            response_type="code",
            client_name="A foreign client",
            redirect_uri=REDIRECT,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
            state=state,
            authorization_details=json.dumps(details),
        )
        self.assertEqual(pushed.status_code, 201, pushed.text)
        query = urlencode({"client_id": LOCAL, "request_uri": pushed.json()["request_uri"]})
        url = f"{self.metadata['authorization_endpoint']}?{query}"
        location = desk("authorize", url=url, action=action)["location"]
        self.assertEqual(parse_qs(urlsplit(location).query)["iss"], [self.vault])
        return location, verifier, state

    def tokens(self, client, **more):
        location, verifier, state = self.authorize(client)
        token = client.fetch_token(authorization_response=location, state=state, code_verifier=verifier, **more)
        self.saw(token)
        return token

    def fails(self, code, call):
        with self.assertRaises(OAuthError) as caught:
            call()
        self.assertEqual(caught.exception.error, code)
        self.assertTrue(caught.exception.description)
        self.saw_error(caught.exception)

    def chat(self, client):
        body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": f"{info()['prompt']} say 3 words"}]}
        answer = client.post(f"{self.vault}/v1/openai/chat/completions", json=body)
        self.saw(answer.text)
        return answer


class Discovery(Peer):
    def test_the_metadata_are_valid(self):
        self.metadata.validate()
        self.assertEqual(self.metadata["issuer"], self.vault)


class CodeFlow(Peer):
    def test_a_pushed_request_is_granted(self):
        client = self.client()
        token = self.tokens(client)
        self.assertEqual(token["token_type"], "Bearer")
        self.assertFalse(token.is_expired(leeway=3500))
        self.assertEqual(token["authorization_details"][0]["base_url"], f"{self.vault}/v1/openai")
        answer = self.chat(client)
        self.assertEqual(answer.json()["usage"]["completion_tokens"], 3)
        limits = client.get(self.metadata["okap_limits_endpoint"]).json()
        self.assertEqual(limits["grant_id"], token["grant_id"])

    def test_a_wrong_verifier_leaves_the_code_good(self):
        client = self.client()
        location, verifier, state = self.authorize(client)
        self.fails(
            "invalid_grant",
            lambda: client.fetch_token(authorization_response=location, state=state, code_verifier=generate_token(64)),
        )
        client.fetch_token(authorization_response=location, state=state, code_verifier=verifier)
        self.fails(
            "invalid_grant",
            lambda: client.fetch_token(authorization_response=location, state=state, code_verifier=verifier),
        )

    def test_another_state_goes_nowhere(self):
        client = self.client()
        location, verifier, _ = self.authorize(client)
        with self.assertRaises(MismatchingStateException):
            client.fetch_token(authorization_response=location, state="another", code_verifier=verifier)

    def test_a_denial_comes_back_to_the_app(self):
        location, _, state = self.authorize(self.client(), "deny")
        query = parse_qs(urlsplit(location).query)
        self.assertEqual((query["error"], query["state"]), (["access_denied"], [state]))
        self.assertNotIn("code", query)

    def test_a_grant_that_the_vault_does_not_know(self):
        self.fails("unsupported_grant_type", lambda: self.client().fetch_token(grant_type="client_credentials"))
        self.fails(
            "unsupported_grant_type",
            lambda: self.client().fetch_token(grant_type="password", username="a", password="b"),
        )


class Refresh(Peer):
    def test_rotates_and_the_old_one_ends_it(self):
        client = self.client()
        first = self.tokens(client)["refresh_token"]
        second = client.refresh_token(refresh_token=first)["refresh_token"]
        self.assertNotEqual(first, second)
        self.assertEqual(client.refresh_token(refresh_token=first)["refresh_token"], second)
        self.assertEqual(self.chat(client).status_code, 200)
        client.refresh_token(refresh_token=second)
        self.fails("invalid_grant", lambda: client.refresh_token(refresh_token=first))
        self.assertEqual(self.chat(client).status_code, 401)

    def test_the_library_renews_by_itself(self):
        kept = []
        client = self.client(update_token=lambda token, **_: kept.append(dict(token)))
        token = self.tokens(client)
        client.token = {**token, "expires_at": int(time.time()) - 1}
        self.assertEqual(self.chat(client).status_code, 200)
        self.assertEqual(len(kept), 1)
        self.assertNotEqual(kept[0]["refresh_token"], token["refresh_token"])


class TheEnd(Peer):
    def test_a_revoked_token_is_refused_at_the_next_call(self):
        client = self.client()
        token = self.tokens(client)
        self.assertEqual(self.chat(client).status_code, 200)
        endpoint = self.metadata["revocation_endpoint"]
        done = client.revoke_token(endpoint, token=token["access_token"], token_type_hint="access_token")
        self.assertEqual(done.status_code, 200)
        refused = self.chat(client)
        self.assertEqual(refused.status_code, 401)
        self.assertIn('error="invalid_token"', refused.headers["www-authenticate"])
        self.fails("invalid_grant", client.refresh_token)
        self.assertEqual(client.revoke_token(endpoint, token=token["access_token"]).status_code, 200)

    def test_introspection_by_a_resource_server(self):
        server = info()["resource_servers"][0]
        token = self.tokens(self.client())
        endpoint = self.metadata["introspection_endpoint"]
        asking = OAuth2Session(client_id=server["id"], client_secret=server["secret"])
        self.addCleanup(asking.close)
        found = asking.introspect_token(endpoint, token=token["access_token"], token_type_hint="access_token")
        self.assertEqual(found.json()["grant_id"], token["grant_id"])
        self.assertTrue(found.json()["active"])
        self.assertEqual(asking.introspect_token(endpoint, token="nothing").json(), {"active": False})
        other = OAuth2Session(client_id=server["id"], client_secret="wrong")
        self.addCleanup(other.close)
        refused = other.introspect_token(endpoint, token=token["access_token"])
        self.assertEqual((refused.status_code, refused.json()["error"]), (401, "invalid_client"))


class Device(Peer):
    def test_the_user_types_the_code(self):
        client = self.client()
        begun = self.post(
            client, "device_authorization_endpoint", client_name="A foreign device",
            authorization_details=json.dumps(DETAILS),
        )
        self.assertEqual(begun.status_code, 200, begun.text)
        begun = begun.json()

        def poll():
            return client.fetch_token(grant_type=DEVICE, device_code=begun["device_code"])

        self.fails("authorization_pending", poll)
        self.fails("slow_down", poll)
        desk("follow", url=begun["verification_uri"], code=begun["user_code"], action="allow")
        time.sleep(begun["interval"] + 5.2)
        self.assertEqual(poll()["token_type"], "Bearer")
        self.assertEqual(self.chat(client).status_code, 200)
        self.fails("invalid_grant", poll)


class Exchange(Peer):
    def test_a_child_with_less(self):
        client = self.client()
        parent = self.tokens(client)
        less = [{**OPENAI, "models": ["gpt-4o-mini"]}]
        child = self.client()
        token = child.fetch_token(
            grant_type=EXCHANGE, subject_token=parent["access_token"], subject_token_type=ACCESS,
            authorization_details=json.dumps(less), client_name="A delegate",
        )
        self.assertEqual(token["issued_token_type"], ACCESS)
        self.assertNotIn("refresh_token", token)
        self.assertEqual(self.chat(child).status_code, 200)
        self.fails(
            "invalid_request",
            lambda: child.fetch_token(grant_type=EXCHANGE, subject_token="nothing", subject_token_type=ACCESS),
        )


if __name__ == "__main__":
    result = unittest.main(exit=False).result
    ran = result.testsRun - len(result.skipped)
    sys.exit(0 if result.wasSuccessful() and ran >= TESTS else f"{ran} tests ran, {TESTS} are there")
