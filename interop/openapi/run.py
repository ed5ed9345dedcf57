"""schemathesis sends what `spec/openapi.yaml` allows, and what it does not, to a running vault."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path

from desk import ANTHROPIC, OPENAI, desk, info

HERE = Path(__file__).resolve().parent
SEED = "20261126"
OPEN = ["--include-tag", "discovery", "--include-tag", "oauth", "--include-tag", "direct"]
OPEN += ["--exclude-operation-id", "introspect", "--exclude-operation-id", "proceed"]
CLOSED = ["--include-tag", "own grant", "--include-tag", "proxy"]
CLOSED += ["--include-operation-id", "introspect", "--include-operation-id", "proceed"]
# operations, and those of them that need what no generator finds
COUNT = 21
LUCKY = {"token", "giveBack", "proceed"}


class Decides(threading.Thread):
    """The user: decides on whatever waits, allowing every other request."""

    def __init__(self):
        super().__init__(daemon=True)
        self.decided = desk("links")["count"]
        self.stop = False

    def run(self):
        while not self.stop:
            if desk("links")["count"] > self.decided:
                action = ("allow", "deny")[self.decided % 2]
                desk("decide_next", after=self.decided, action=action)
                self.decided += 1
            else:
                time.sleep(0.05)


def run(name, settings, *arguments, **env):
    """One run; how often each operation gave each status."""
    print(f"-- openapi {name}", flush=True)
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / settings)]
    command += ["run", os.environ["OKAP_OPENAPI"], "--url", info()["vault"], "--no-color"]
    command += ["--seed", SEED, "--phases", "examples,coverage,fuzzing", *arguments]
    with tempfile.TemporaryDirectory() as work:
        answered = Path(work, "answered.json")
        env |= {"OKAP_ANSWERED": str(answered), "SCHEMATHESIS_HOOKS": "checks"}
        env["PYTHONPATH"] = os.pathsep.join((str(HERE), os.environ["PYTHONPATH"]))
        done = subprocess.run(command, env={**os.environ, **env}, cwd=work, check=False)
        counts = json.loads(answered.read_text(encoding="utf-8"))
    found = defaultdict(dict)
    for key, count in counts.items():
        operation, status = key.split(" ")
        found[operation][int(status)] = count
    for operation, statuses in sorted(found.items()):
        print(f"   {operation:18} " + "  ".join(f"{status}: {count}" for status, count in sorted(statuses.items())))
    if done.returncode != 0:
        sys.exit(f"openapi {name}: schemathesis ended with {done.returncode}")
    return found


def main():
    server = info()["resource_servers"][0]
    granted = desk("grant", client="openapi", details=[OPENAI, ANTHROPIC])
    asked = desk("ask", client="openapi waits", details=[OPENAI])
    good = {
        "OKAP_TOKEN": granted["token"],
        "OKAP_GRANT": granted["grant_id"],
        "OKAP_CONTINUATION": asked["continue"]["access_token"],
        "OKAP_RESOURCE_SERVER": server["id"],
        "OKAP_RESOURCE_SECRET": server["secret"],
    }
    bad = {**good, "OKAP_TOKEN": "okap_at_nothing", "OKAP_CONTINUATION": "nothing", "OKAP_RESOURCE_SECRET": "x"}
    found = run("with credentials", "closed.toml", "--max-examples", "20", *CLOSED, **good)
    refused = run("with bad credentials", "closed.toml", "--max-examples", "5", *CLOSED, **bad)
    user = Decides()
    user.start()
    found |= run("of anybody", "open.toml", "--max-examples", "20", *OPEN)
    user.stop = True
    # a run in which the doors stayed shut has shown little
    missed = [name for name, statuses in found.items() if min(statuses) >= 400 and name not in LUCKY]
    opened = [name for name, statuses in refused.items() if min(statuses) < 400]
    if missed or opened or len(found) != COUNT:
        sys.exit(f"never answered well: {missed}; answered without a credential: {opened}; {len(found)} operations")


if __name__ == "__main__":
    main()
