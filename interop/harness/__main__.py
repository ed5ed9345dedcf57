"""Runs a suite against a vault, then searches everything it left for secrets.

    python3 -m harness --vault target/debug/okap-vault --provider target/debug/okap-conformance -- COMMAND …

The command finds the stack at the address in OKAP_DESK. The status is that of the command, or 1 if
the search found anything.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys

from .desk import Desk
from .stack import Stack


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    parser = argparse.ArgumentParser(prog="harness", description=__doc__.split("\n")[0])
    parser.add_argument("--vault", required=True, help="the okap-vault program")
    parser.add_argument("--provider", required=True, help="the okap-conformance program")
    parser.add_argument("--settings", default="", help="TOML that the vault's file has besides its providers")
    parser.add_argument("--keep", action="store_true", help="keep data and logs also when all is well")
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()

    stack = Stack(os.path.abspath(args.vault), os.path.abspath(args.provider), args.settings)
    status, problems = 1, []
    try:
        status = suite(stack, args.command)
    finally:
        problems = stack.close()
    for problem in problems:
        say(f"FOUND {problem}")
    bad = status != 0 or bool(problems)
    if bad or args.keep:
        say(f"data and logs are in {stack.directory}")
    else:
        shutil.rmtree(stack.directory, ignore_errors=True)
    say(f"{stack.summary}: {'not well' if bad else 'nothing found'}")
    return status or int(bool(problems))


def suite(stack, command):
    """Runs the command; what it prints is passed on, and searched with the rest."""
    env = {**os.environ, "OKAP_DESK": Desk(stack).url, "PYTHONUNBUFFERED": "1"}
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        env.pop(name, None)
        env.pop(name.lower(), None)
    child = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        for line in child.stdout:
            stack.note(line.decode("utf-8", "replace"))
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
        return child.wait()
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()


def say(text):
    print(f"[harness] {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
