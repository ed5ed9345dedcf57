"""The official OpenAI SDK, with only base_url and api_key set."""

import asyncio
import contextlib
import threading
import time

import openai
from desk import OPENAI, Case, desk, fault, info

CHAT = "/chat/completions"


def client(grant, **more):
    return openai.OpenAI(base_url=grant["base_urls"]["openai"], api_key=grant["token"], **more)


def say(words=4):
    return [{"role": "user", "content": f"{info()['prompt']} say {words} words"}]


class Works(Case):
    @classmethod
    def setUpClass(cls):
        cls.granted = desk("grant", client="works with openai", details=[OPENAI])
        cls.ai = client(cls.granted)

    def test_chat(self):
        answer = self.ai.chat.completions.create(model="gpt-4o-mini", messages=say())
        self.assertTrue(answer.choices[0].message.content.startswith("You said:"))
        self.assertEqual(answer.usage.completion_tokens, 4)
        self.saw(answer)

    def test_chat_streams_without_a_chunk_that_has_no_choice(self):
        text = ""
        with self.ai.chat.completions.create(model="gpt-4o-mini", messages=say(6), stream=True) as stream:
            for chunk in stream:
                # as most apps are written
                text += chunk.choices[0].delta.content or ""
                self.assertIsNone(chunk.usage)
        self.assertEqual(len(text.split()), 6)
        self.saw(text)

    def test_chat_streams_usage_where_the_app_asks_for_it(self):
        chunks = list(
            self.ai.chat.completions.create(
                model="gpt-4o-mini", messages=say(5), stream=True, stream_options={"include_usage": True}
            )
        )
        self.assertEqual(chunks[-1].choices, [])
        self.assertEqual(chunks[-1].usage.completion_tokens, 5)

    def test_responses(self):
        answer = self.ai.responses.create(model="gpt-4o-mini", input=say()[0]["content"])
        self.assertTrue(answer.output_text.startswith("You said:"))
        self.saw(answer)

    def test_responses_stream(self):
        events = list(self.ai.responses.create(model="gpt-4o-mini", input=say()[0]["content"], stream=True))
        text = "".join(one.delta for one in events if one.type == "response.output_text.delta")
        self.assertTrue(text.startswith("You said:"))
        self.assertEqual(events[-1].type, "response.completed")
        self.assertEqual(events[-1].response.usage.output_tokens, 4)

    def test_embeddings(self):
        answer = self.ai.embeddings.create(model="text-embedding-3-small", input=[info()["prompt"], "two"])
        self.assertEqual(len(answer.data), 2)
        self.assertIsInstance(answer.data[0].embedding[0], float)

    def test_models_are_those_of_the_grant(self):
        listed = {model.id for model in self.ai.models.list()}
        self.assertEqual(listed, set(OPENAI["models"]))
        self.assertEqual(self.ai.models.retrieve("gpt-4o-mini").id, "gpt-4o-mini")

    def test_a_tool_call(self):
        tool = {"type": "function", "function": {"name": "add", "parameters": {"type": "object", "properties": {}}}}
        answer = self.ai.chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": "use the tool"}], tools=[tool]
        )
        self.assertEqual(answer.choices[0].message.tool_calls[0].function.name, "add")

    def test_async_client(self):
        async def chat():
            async with openai.AsyncOpenAI(
                base_url=self.granted["base_urls"]["openai"], api_key=self.granted["token"]
            ) as ai:
                return await ai.chat.completions.create(model="gpt-4o-mini", messages=say())

        self.assertEqual(asyncio.run(chat()).usage.completion_tokens, 4)

    def test_a_base_url_with_a_slash_or_a_version_works_too(self):
        for ending in ("/", "/v1", "/v1/"):
            ai = openai.OpenAI(base_url=self.granted["base_urls"]["openai"] + ending, api_key=self.granted["token"])
            answer = ai.chat.completions.create(model="gpt-4o-mini", messages=say(2))
            self.assertEqual(answer.usage.completion_tokens, 2, ending)


class IsRefused(Case):
    def chat(self, ai, model="gpt-4o-mini", **more):
        return lambda: ai.chat.completions.create(model=model, messages=say(), **more)

    def test_revoked(self):
        grant = self.grant(OPENAI)
        ai = client(grant)
        self.chat(ai)()
        desk("revoke", grant_id=grant["grant_id"])
        self.refused(
            openai.AuthenticationError, self.chat(ai), status=401, code="token_revoked", says="revoked", path=CHAT
        )

    def test_a_token_of_nobody(self):
        grant = self.grant(OPENAI)
        for token in ("okap_garbage", "sk-not-a-token-of-this-vault", grant["token"][:-1] + "~"):
            ai = openai.OpenAI(base_url=grant["base_urls"]["openai"], api_key=token)
            self.refused(
                openai.AuthenticationError, self.chat(ai), status=401, code="invalid_token",
                says="ask the user for access", path=CHAT,
            )

    def test_another_model(self):
        ai = client(self.grant(OPENAI))
        error = self.refused(
            openai.PermissionDeniedError, self.chat(ai, "gpt-4o"), status=403, code="model_not_allowed",
            says="gpt-4o-mini", path=CHAT,
        )
        self.assertIn('"gpt-4o"', str(error))

    def test_another_capability(self):
        ai = client(self.grant({**OPENAI, "capabilities": ["chat"]}))
        self.refused(
            openai.PermissionDeniedError,
            lambda: ai.embeddings.create(model="text-embedding-3-small", input="one"),
            status=403, code="capability_not_allowed", says="embeddings", path="/embeddings",
        )

    def test_money_used_up_is_402_and_never_tried_again(self):
        ai = client(self.grant(OPENAI, monthly_spend=0.0002))
        ask = self.chat(ai, max_tokens=200)
        for _ in range(20):
            try:
                self.saw(ai.chat.completions.create(model="gpt-4o-mini", messages=say(100), max_tokens=200))
            except openai.APIStatusError as error:
                self.saw_error(error)
                break
        error = self.refused(
            openai.APIStatusError, ask, status=402, code="spend_limit_exceeded", says="resets", path=CHAT
        )
        self.assertEqual(error.response.headers["x-should-retry"], "false")
        self.assertNotIn("retry-after", error.response.headers)
        self.assertRegex(error.response.json()["okap"]["resets_at"], r"^\d{4}-\d\d-01T00:00:00Z$")

    def test_the_rate_is_429_with_the_true_wait(self):
        ai = client(self.grant(OPENAI, requests_per_minute=2), max_retries=0)
        for _ in range(2):
            self.chat(ai)()
        error = self.refused(
            openai.RateLimitError, self.chat(ai), status=429, code="rate_limit_exceeded", says="try again in", path=CHAT
        )
        self.assertTrue(50 <= int(error.response.headers["retry-after"]) <= 60)

    def test_the_sdk_waits_as_the_vault_says(self):
        grant = self.grant(OPENAI, requests_per_minute=1)
        self.chat(client(grant, max_retries=0))()
        before = self.requests(CHAT)
        ai = client(grant)

        def call():
            with contextlib.suppress(Exception):
                self.chat(ai)()

        threading.Thread(target=call, daemon=True).start()
        self.wait_for(lambda: self.requests(CHAT) == before + 1)
        # without Retry-After it would be back after half a second
        time.sleep(2)
        self.assertEqual(self.requests(CHAT), before + 1)
        ai.close()

    def test_the_rate_of_the_provider_is_waited_out(self):
        ai = client(self.grant(OPENAI))
        before = self.requests(CHAT)
        fault(times=1, fault={"kind": "status", "status": 429})
        begun = time.monotonic()
        self.chat(ai)()
        self.assertGreaterEqual(time.monotonic() - begun, 0.9)
        self.assertEqual(self.requests(CHAT), before + 2)

    def test_a_route_that_is_not_forwarded(self):
        ai = client(self.grant(OPENAI))
        self.refused(
            openai.NotFoundError, ai.files.list, status=404, code="route_not_supported", says="supported", path="/files"
        )

    def test_a_provider_that_refuses_the_key(self):
        for status, echo in ((401, False), (401, True), (403, True)):
            ai = client(self.grant(OPENAI))
            fault(times=1, fault={"kind": "status", "status": status, "echo": echo})
            self.refused(
                openai.InternalServerError, self.chat(ai), status=502, code="upstream_credential_error",
                says="its owner has to replace it", path=CHAT,
            )

    def test_a_provider_that_repeats_the_key(self):
        ai = client(self.grant(OPENAI), max_retries=0)
        fault(times=1, fault={"kind": "echo_credential"})
        self.refused(openai.InternalServerError, self.chat(ai), status=502, code="upstream_error", says="failed")

    def test_a_provider_that_redirects(self):
        ai = client(self.grant(OPENAI))
        fault(times=1, fault={"kind": "redirect", "to": info()["provider"] + "/elsewhere"})
        self.refused(
            openai.InternalServerError, self.chat(ai), status=502, code="upstream_redirect_refused", says="redirect"
        )

    def test_a_stream_that_is_cut_raises(self):
        ai = client(self.grant(OPENAI))
        fault(times=1, fault={"kind": "cut", "after": 2})
        with self.assertRaises(openai.APIError) as caught:
            for chunk in self.chat(ai, stream=True)():
                self.saw(chunk)
        self.saw_error(caught.exception)
