"""The package `okap` from PyPI, as it was published before this vault was written."""

import threading

import okap
import openai
from desk import Case, desk, info
from okap.errors import AccessDeniedError


class Asks(Case):
    def request(self, action, **more):
        """Asks while the user decides."""
        before = desk("links")["count"]
        decided = []
        user = threading.Thread(target=lambda: decided.append(desk("decide_next", after=before, action=action)))
        user.start()
        try:
            with okap.OkapClient(info()["vault"], app_name=f"okap {action}", app_url="https://app.example") as client:
                return client.request_access("openai", models=["gpt-4o-mini"], capabilities=["chat"], **more)
        finally:
            user.join()

    def test_gets_a_token_after_approval(self):
        token = self.request("allow", monthly_limit=1.5, requests_per_minute=30, reason="to test")
        self.assertEqual(token.models, ["gpt-4o-mini"])
        self.assertEqual(token.limits.monthly_spend, 1.5)
        ai = openai.OpenAI(base_url=token.base_url, api_key=token.token)
        answer = ai.chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": f"{info()['prompt']} say 3 words"}]
        )
        self.assertEqual(answer.usage.completion_tokens, 3)

    def test_is_told_of_a_denial(self):
        with self.assertRaises(AccessDeniedError) as caught:
            self.request("deny")
        self.assertEqual(caught.exception.code, "user_denied")
        self.assertIn("denied", str(caught.exception))
        self.saw_error(caught.exception)
