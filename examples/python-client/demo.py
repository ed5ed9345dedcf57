"""Asks a vault for OpenAI, makes one streamed call, shows what is left, and gives the access back.

    python3 demo.py [ADDRESS] [--browser | --device]
"""

import json
import sys
import urllib.error
import urllib.request

from okap_client import Access, Client, OkapError, error_from, printable

DETAILS = [{
    "type": "ai_model_access",
    "provider": "openai",
    "models": ["gpt-4o-mini"],
    "capabilities": ["chat"],
    "limits": {"monthly_spend": "1.00", "requests_per_minute": 10},
    "reason": "Say hello once",
}]


def ask(okap: Client, how: str) -> Access:
    """By the flow that the command line names; without a name by direct JSON."""
    if how == "--browser":
        print("Allow it in your browser.")
        return okap.authorize_in_browser(DETAILS)
    asked = okap.ask_by_device(DETAILS) if how == "--device" else okap.ask(DETAILS)
    if isinstance(asked, Access):
        return asked
    print(f"Allow it at {asked.uri} (code {asked.user_code})", flush=True)
    return okap.wait(asked)


def chat(access: Access, prompt: str) -> None:
    """What any SDK of OpenAI does: base_url, and the token as its key."""
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": prompt}], "stream": True}
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {access.token}"}
    url = access.base_url("openai") + "/chat/completions"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers)) as stream:
            for line in stream:
                if line.startswith(b"data: {"):
                    for choice in json.loads(line[6:]).get("choices", []):
                        print(printable(choice["delta"].get("content") or ""), end="", flush=True)
    except urllib.error.HTTPError as refused:
        raise error_from(refused) from None
    print()


def main() -> None:
    flags = [one for one in sys.argv[1:] if one.startswith("--")]
    address = next((one for one in sys.argv[1:] if one not in flags), "http://127.0.0.1:8787")
    okap = Client(address, name="Python demo")
    access = ask(okap, flags[0] if flags else "")
    try:
        chat(access, "Say hello in one line.")
        for entry in okap.limits(access):
            for name, state in entry["limits"].items():
                print(f"{entry['provider']} {name}: {state.get('used', '-')} of {state['limit']}")
    finally:
        okap.revoke(access)
        print("Given back.")


if __name__ == "__main__":
    try:
        main()
    except OkapError as error:
        sys.exit(f"{error.code}: {error.description}")
