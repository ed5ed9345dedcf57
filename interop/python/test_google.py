"""Google's own SDK, with only base_url and api_key set."""

from desk import GOOGLE, Case, desk, info
from google import genai
from google.genai import errors, types

MODEL = "gemini-2.5-flash"
EMBEDDING = "gemini-embedding-001"


def client(grant):
    options = types.HttpOptions(base_url=grant["base_urls"]["google"])
    return genai.Client(api_key=grant["token"], http_options=options)


def say(words=4):
    return f"{info()['prompt']} say {words} words"


class Works(Case):
    @classmethod
    def setUpClass(cls):
        details = {**GOOGLE, "limits": {"monthly_spend": "1.00"}}
        cls.ai = client(desk("grant", client="works with google", details=[details]))

    def test_generate(self):
        answer = self.ai.models.generate_content(model=MODEL, contents=say())
        self.assertTrue(answer.text.startswith("You said:"))
        self.assertEqual(answer.usage_metadata.candidates_token_count, 4)
        self.saw(answer)

    def test_stream(self):
        chunks = list(self.ai.models.generate_content_stream(model=MODEL, contents=say(6)))
        text = "".join(chunk.text or "" for chunk in chunks)
        self.assertEqual(len(text.split()), 6)
        self.assertEqual(chunks[-1].usage_metadata.candidates_token_count, 6)
        self.saw(text)

    def test_embed(self):
        answer = self.ai.models.embed_content(model=EMBEDDING, contents=[info()["prompt"], "two"])
        self.assertEqual(len(answer.embeddings), 2)
        self.assertIsInstance(answer.embeddings[0].values[0], float)

    def test_count_tokens(self):
        self.assertGreater(self.ai.models.count_tokens(model=MODEL, contents=say()).total_tokens, 0)

    def test_the_token_travels_in_a_header_and_in_no_address(self):
        self.ai.models.generate_content(model=MODEL, contents=say())
        paths = [one["path"] for one in desk("requests") if "/v1/google/" in one["path"]]
        self.assertTrue(paths)
        self.assertEqual([path for path in paths if "key=" in path or "okap_" in path], [])


class IsRefused(Case):
    def refused_by_google(self, call, *, status, reason, says):
        with self.assertRaises(errors.ClientError) as caught:
            call()
        error = caught.exception
        shown = [str(error), repr(error), repr(error.details)]
        self.assertNotIn("okap_at_", " ".join(shown))
        self.saw(*shown)
        self.assertEqual(error.code, status)
        self.assertIn(reason, " ".join(shown))
        self.assertIn(says, error.message)

    def generate(self, ai):
        return lambda: ai.models.generate_content(model=MODEL, contents=say())

    def test_another_model(self):
        ai = client(self.grant({**GOOGLE, "models": [EMBEDDING]}))
        self.refused_by_google(self.generate(ai), status=403, reason="MODEL_NOT_ALLOWED", says=EMBEDDING)

    def test_revoked(self):
        grant = self.grant(GOOGLE)
        ai = client(grant)
        self.generate(ai)()
        desk("revoke", grant_id=grant["grant_id"])
        self.refused_by_google(self.generate(ai), status=401, reason="TOKEN_REVOKED", says="revoked")

    def test_money_used_up(self):
        ai = client(self.grant(GOOGLE, monthly_spend="0.000001"))
        stream = lambda: list(ai.models.generate_content_stream(model=MODEL, contents=say()))  # noqa: E731
        self.refused_by_google(stream, status=402, reason="SPEND_LIMIT_EXCEEDED", says="resets")
