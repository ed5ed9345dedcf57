"""What the vault says was spent is what the provider bills."""

from decimal import Decimal
from json import loads

import anthropic
import openai
from desk import ANTHROPIC, OPENAI, Case, desk, info


def books():
    """The provider's own bill in pico-USD."""
    return desk("ledger")["totals"]["billed_pico"]


class Books(Case):
    def test_every_way_to_call_is_charged_as_it_is_billed(self):
        grant = desk("grant", client="books", details=[OPENAI, ANTHROPIC])
        chat = openai.OpenAI(base_url=grant["base_urls"]["openai"], api_key=grant["token"])
        claude = anthropic.Anthropic(base_url=grant["base_urls"]["anthropic"], api_key=grant["token"])
        text = f"{info()['prompt']} say 7 words"
        messages = [{"role": "user", "content": text}]
        calls = {
            "chat": lambda: chat.chat.completions.create(model="gpt-4o-mini", messages=messages),
            "chat stream": lambda: list(
                chat.chat.completions.create(model="gpt-4o-mini", messages=messages, stream=True)
            ),
            "responses": lambda: chat.responses.create(model="gpt-4o-mini", input=text),
            "responses stream": lambda: list(chat.responses.create(model="gpt-4o-mini", input=text, stream=True)),
            "embeddings": lambda: chat.embeddings.create(model="text-embedding-3-small", input=text),
            "messages": lambda: claude.messages.create(model="claude-sonnet-5", max_tokens=50, messages=messages),
            "messages stream": lambda: list(
                claude.messages.create(model="claude-sonnet-5", max_tokens=50, messages=messages, stream=True)
            ),
        }
        billed, charged = books(), Decimal(0)
        for name, call in calls.items():
            call()
            bill = Decimal(books() - billed) / 10**12
            billed = books()
            self.assertGreater(bill, 0, name)
            self.wait_for(lambda: self.charged(grant) > charged)
            self.assertEqual(self.charged(grant) - charged, bill, name)
            charged = self.charged(grant)

    def charged(self, grant):
        done = desk("cli", args=["usage", "--grant", grant["grant_id"], "--json"])
        self.assertEqual(done["status"], 0, done["stderr"])
        return Decimal(loads(done["stdout"])["total"]["cost_usd"])
