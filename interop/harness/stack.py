"""A fake provider, a vault with its key, and the person who decides: everything a client meets."""

import contextlib
import hashlib
import json
import os
import re
import secrets
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time

from . import leaks
from .process import Process
from .tap import Tap
from .user import User
from .web import Browser

CONFIG = """\
[upstream.openai]
base_url = "{provider}/v1"

[upstream.anthropic]
base_url = "{provider}/v1"
style = "anthropic"
auth = "x-api-key"

[upstream.google]
base_url = "{provider}/v1beta"
"""

# Providers that speak OpenAI's words, a model of each, and its price in pico-USD a token.
COMPATIBLE = {
    "groq": ("llama-3.3-70b-versatile", "590000,790000"),
    "together": ("MiniMaxAI/MiniMax-M3", "300000,1200000"),
    "mistral": ("mistral-small-latest", "150000,600000"),
    "cohere": ("command-a", "2500000,10000000"),
    "openrouter": ("openai/gpt-5.6-luna", "200000,1200000"),
    "ollama": ("llama3.2", "0,0"),
}

# the fake provider wants its key on every call, that of Ollama too
COMPATIBLE_CONFIG = """
[upstream.{name}]
base_url = "{provider}/v1"
auth = "bearer"
"""

# no list has prices for what runs at home: its owner says so, and it goes under a money limit
PRICE_AT_HOME = """
[[price]]
provider = "ollama"
model = "llama3.2"
prices = { input = "0", output = "0" }
"""

RESOURCE_SERVER = """\
[[resource_server]]
id = "{id}"
secret_sha256 = "{hash}"

"""

LINK = re.compile(r"https?://[^\s\"]+/consent/[A-Za-z0-9_-]+")


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


class Stack:
    """Started with the constructor. `url` is the vault as clients see it."""

    def __init__(self, vault, provider, settings=""):
        self.vault_program = vault
        self.settings = settings
        self.directory = tempfile.mkdtemp(prefix="okap-interop-")
        self.data = os.path.join(self.directory, "data")
        self.logs = os.path.join(self.directory, "logs")
        os.makedirs(self.logs, exist_ok=True)
        self.passphrase = f"correct horse {secrets.token_hex(12)}"
        # stands in every prompt of the suites; no log and no store may hold it
        self.prompt = f"prompt-{secrets.token_hex(8)}"
        # the second is written in several ways by those who know RFC 6749 section 2.3.1
        self.resource_servers = [
            {"id": "gateway", "secret": secrets.token_hex(24)},
            {"id": "gate-2", "secret": f"{secrets.token_hex(16)} 100%+{secrets.token_hex(4)}&:/é"},
        ]
        self.seen = []
        self.lock = threading.Lock()
        self.env = {"OKAP_PASSPHRASE": self.passphrase, "NO_COLOR": "1", "OKAP_LOG": "debug"}
        self.processes = []
        self.tap = Tap()
        try:
            self._start(provider)
        except BaseException:
            self._stop()
            raise

    def _start(self, provider):
        prices = [f"--price={model}={price}" for model, price in COMPATIBLE.values()]
        self.provider = Process(
            "provider", [provider, "provider", "--listen", "127.0.0.1:0", "--json", *prices], self.logs
        )
        self.processes.append(self.provider)
        self.provider_url = self.provider.ready["url"]
        self.master_key = self.provider.ready["master_key"]
        self.config = os.path.join(self.directory, "okap.toml")
        with open(self.config, "w", encoding="utf-8") as file:
            # bare keys stand before tables
            file.write(self.settings + "\n" + CONFIG.format(provider=self.provider_url))
            for name in COMPATIBLE:
                file.write(COMPATIBLE_CONFIG.format(name=name, provider=self.provider_url))
            file.write(PRICE_AT_HOME)
            for one in self.resource_servers:
                digest = hashlib.sha256(one["secret"].encode()).hexdigest()
                file.write("\n" + RESOURCE_SERVER.format(id=one["id"], hash=digest))
        # the tap is the vault's own address for everybody, as a proxy in front would be
        self.url = self.tap.url
        self.tap.target = ("127.0.0.1", _free_port())
        serve = ["serve", "--listen", f"127.0.0.1:{self.tap.target[1]}", "--issuer", self.url]
        serve += ["--config", self.config, "--json"]
        self.vault = Process(
            "vault", [self.vault_program, "--data", self.data, *serve], self.logs, self.env
        )
        self.processes.append(self.vault)
        for name in ("openai", "anthropic", "google", *COMPATIBLE):
            self.cli(["keys", "add", name], stdin=self.master_key + "\n", check=True)
        self.user = User(self.url, self.passphrase, self.note)

    # what the suites ask for

    def note(self, text):
        """Keeps what a client saw, for the search at the end."""
        with self.lock:
            self.seen.append(text)

    def cli(self, args, stdin=None, check=False):
        """Runs a command of the vault on the same data."""
        command = [self.vault_program, "--data", self.data, *args]
        done = subprocess.run(
            command, input=stdin, capture_output=True, text=True, timeout=60, env={**os.environ, **self.env}
        )
        self.note(done.stdout + done.stderr)
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(args)} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return {"status": done.returncode, "stdout": done.stdout, "stderr": done.stderr}

    def ask(self, client, details):
        """Asks as a direct JSON client; nobody has decided yet."""
        body = {"okap": "1.0", "authorization_details": details, "client": {"name": client}}
        return Browser(self.note).post(f"{self.url}/okap/authorize", body=body).want(202).json()

    def fetch(self, asked, wait=10):
        """What became of it."""
        headers = {"authorization": f"Bearer {asked['continue']['access_token']}", "prefer": f"wait={wait}"}
        return Browser(self.note).post(asked["continue"]["uri"], headers=headers, timeout=wait + 20)

    def grant(self, client, details, edits=()):
        """Asks, allows on the consent page, and fetches the token."""
        asked = self.ask(client, details)
        self.user.decide(asked["interaction_uri"], "allow", edits)
        answer = self.fetch(asked).want(200).json()
        assert answer["status"] == "granted", answer
        granted = answer["authorization_details"]
        return {**answer, "base_urls": {one["provider"]: one["base_url"] for one in granted}}

    def as_published(self, page_url, client_id, redirect_uri=None):
        """Makes a waiting request that of a published app. Its document would have to be on the
        public internet, so the record is changed where the vault keeps it."""
        store = sqlite3.connect(os.path.join(self.data, "vault.db"), timeout=10)
        key = "interaction/" + page_url.rsplit("/", 1)[1]
        with contextlib.closing(store), store:
            (found,) = store.execute("SELECT bytes FROM records WHERE key = ?", (key,)).fetchone()
            record = json.loads(found)
            record["app"]["identity"] = "published"
            record["app"]["info"]["client_id"] = client_id
            if redirect_uri:
                back = {"client_id": client_id, "redirect_uri": redirect_uri, "state": None, "challenge": ""}
                record["back"] = {"redirect": back}
            store.execute(
                "UPDATE records SET bytes = ?, version = version + 1 WHERE key = ?",
                (json.dumps(record).encode(), key),
            )

    def waiting(self, after, patience=10):
        """The consent page of a request that was opened after this many, by the vault's own log."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            links = self.links()
            if len(links) > after:
                return links[after]
            time.sleep(0.05)
        raise AssertionError("the vault's log names no request that waits for a decision")

    def links(self):
        found = LINK.findall(self.vault.stderr() + self.vault.stdout())
        return list(dict.fromkeys(found))

    def ledger(self):
        return Browser(self.note).get(f"{self.provider_url}/__provider/ledger?settle_ms=2000").want(200).json()

    # the end

    def close(self):
        """Stops everything and returns what is wrong; empty is good."""
        problems = []
        try:
            ledger = self.ledger()
        except OSError as error:
            ledger = None
            problems.append(f"the provider's books cannot be read: {error}")
        running = dict(leaks.files(self.data))
        problems += self._stop()
        search = leaks.Search()
        if ledger:
            problems += [f"violation at the provider: {one}" for one in ledger["violations"]]
            search.tokens("what the provider received", json.dumps(ledger).encode())
        stopped = dict(leaks.files(self.data))
        for state, found in (("running", running), ("stopped", stopped)):
            for name, data in found.items():
                where = f"{name} of the data ({state})"
                self._search(search, where, data)
                search.tokens(where, data)
        for name, data in leaks.files(self.logs):
            if name.startswith("vault"):
                self._search(search, f"the log {name}", data)
                search.tokens(f"the log {name}", data)
        for name, text in (("what clients saw", "\n".join(self.seen).encode()),
                           ("the bytes that came back", b"\n".join(map(bytes, self.tap.answers)))):
            search.secret("the master key", self.master_key, name, text)
            search.secret("the passphrase", self.passphrase, name, text)
        self.summary = (
            f"{ledger['totals']['calls'] if ledger else 0} calls at the provider, "
            f"{len(stopped)} files and {search.bytes // 1024} KiB searched for secrets"
        )
        return problems + search.findings

    def _search(self, search, where, data):
        search.secret("the master key", self.master_key, where, data)
        search.secret("the passphrase", self.passphrase, where, data)
        search.secret("a prompt", self.prompt, where, data)
        for one in self.resource_servers:
            search.secret(f"the secret of {one['id']}", one["secret"], where, data)

    def _stop(self):
        problems = []
        # the vault first: its last settlements need nobody
        for process in reversed(self.processes):
            problem = process.stop()
            if problem:
                problems.append(problem)
        self.tap.close()
        return problems
