"""The official Anthropic SDK, with only base_url and api_key set."""

import anthropic
from desk import ANTHROPIC, Case, desk, fault, info

MESSAGES = "/v1/messages"


def client(grant, **more):
    return anthropic.Anthropic(base_url=grant["base_urls"]["anthropic"], api_key=grant["token"], **more)


def say(words=4):
    return [{"role": "user", "content": f"{info()['prompt']} say {words} words"}]


class Works(Case):
    @classmethod
    def setUpClass(cls):
        cls.granted = desk("grant", client="works with anthropic", details=[ANTHROPIC])
        cls.ai = client(cls.granted)

    def test_messages(self):
        answer = self.ai.messages.create(model="claude-sonnet-5", max_tokens=50, messages=say())
        self.assertTrue(answer.content[0].text.startswith("You said:"))
        self.assertEqual(answer.usage.output_tokens, 4)
        self.saw(answer)

    def test_stream_helper(self):
        with self.ai.messages.stream(model="claude-sonnet-5", max_tokens=50, messages=say(6)) as stream:
            text = "".join(stream.text_stream)
            final = stream.get_final_message()
        self.assertEqual(len(text.split()), 6)
        self.assertEqual(final.usage.output_tokens, 6)
        self.saw(text, final)

    def test_raw_stream(self):
        events = list(self.ai.messages.create(model="claude-sonnet-5", max_tokens=50, messages=say(), stream=True))
        self.assertEqual((events[0].type, events[-1].type), ("message_start", "message_stop"))

    def test_count_tokens(self):
        answer = self.ai.messages.count_tokens(model="claude-sonnet-5", messages=say())
        self.assertGreater(answer.input_tokens, 0)

    def test_models_are_those_of_the_grant(self):
        self.assertEqual([model.id for model in self.ai.models.list()], ["claude-sonnet-5"])
        self.assertEqual(self.ai.models.retrieve("claude-sonnet-5").id, "claude-sonnet-5")

    def test_auth_token_works_as_api_key_does(self):
        ai = anthropic.Anthropic(base_url=self.granted["base_urls"]["anthropic"], auth_token=self.granted["token"])
        self.assertEqual(ai.messages.create(model="claude-sonnet-5", max_tokens=50, messages=say()).role, "assistant")


class IsRefused(Case):
    def ask(self, ai, model="claude-sonnet-5", **more):
        return lambda: ai.messages.create(**{"model": model, "max_tokens": 50, "messages": say(), **more})

    def test_revoked(self):
        grant = self.grant(ANTHROPIC)
        ai = client(grant)
        self.ask(ai)()
        desk("revoke", grant_id=grant["grant_id"])
        error = self.refused(
            anthropic.AuthenticationError, self.ask(ai), status=401, code="token_revoked", says="revoked", path=MESSAGES
        )
        self.assertEqual(error.body["error"]["type"], "token_revoked")

    def test_a_token_of_nobody(self):
        grant = self.grant(ANTHROPIC)
        ai = anthropic.Anthropic(base_url=grant["base_urls"]["anthropic"], api_key="okap_garbage")
        self.refused(
            anthropic.AuthenticationError, self.ask(ai), status=401, code="invalid_token",
            says="ask the user for access", path=MESSAGES,
        )

    def test_another_model(self):
        ai = client(self.grant(ANTHROPIC))
        self.refused(
            anthropic.PermissionDeniedError, self.ask(ai, "claude-opus-5"), status=403, code="model_not_allowed",
            says="claude-sonnet-5", path=MESSAGES,
        )

    def test_money_used_up_is_402_and_never_tried_again(self):
        ai = client(self.grant(ANTHROPIC, daily_spend=0.004))
        for _ in range(20):
            try:
                self.saw(self.ask(ai, messages=say(100), max_tokens=200)())
            except anthropic.APIStatusError as error:
                self.saw_error(error)
                break
        kind = getattr(anthropic, "PaymentRequiredError", anthropic.APIStatusError)
        error = self.refused(
            kind, self.ask(ai, max_tokens=200), status=402, code="spend_limit_exceeded", says="resets", path=MESSAGES
        )
        self.assertRegex(error.response.json()["okap"]["resets_at"], r"^\d{4}-\d\d-\d\dT00:00:00Z$")

    def test_the_rate_is_429_with_the_true_wait(self):
        ai = client(self.grant(ANTHROPIC, requests_per_minute=1), max_retries=0)
        self.ask(ai)()
        error = self.refused(
            anthropic.RateLimitError, self.ask(ai), status=429, code="rate_limit_exceeded", says="try again in",
            path=MESSAGES,
        )
        self.assertTrue(50 <= int(error.response.headers["retry-after"]) <= 60)

    def test_a_route_that_is_not_forwarded(self):
        ai = client(self.grant(ANTHROPIC))
        self.refused(
            anthropic.NotFoundError, ai.messages.batches.list, status=404, code="route_not_supported", says="supported",
            path="/batches",
        )

    def test_a_provider_that_refuses_the_key(self):
        ai = client(self.grant(ANTHROPIC))
        fault(times=1, fault={"kind": "status", "status": 401, "echo": True})
        self.refused(
            anthropic.InternalServerError, self.ask(ai), status=502, code="upstream_credential_error",
            says="its owner has to replace it", path=MESSAGES,
        )
