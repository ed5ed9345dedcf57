#!/usr/bin/env python3
"""A small OKAP vault: `serve.py --help`. Keys and password come from the environment."""

import argparse
import asyncio
import os
import signal

from aiohttp import web

from vault.app import App, Server, check_issuer
from vault.clock import Clock
from vault.desk import Desk
from vault.pages import Pages
from vault.proxy import Proxy
from vault.store import Store
from vault.upstream import Upstream

PROVIDER = "openai"


def arguments():
    """What the command line says."""
    read = argparse.ArgumentParser(description=__doc__)
    read.add_argument("--listen", default="127.0.0.1:8787", help="address and port")
    read.add_argument("--issuer", help="this vault's address for apps; else where it listens")
    read.add_argument("--data", default=":memory:", help="a file for its records; else memory")
    read.add_argument("--models", default="gpt-4o-mini,gpt-4o,text-embedding-3-small",
                      help="what the owner can choose where an app leaves it open")
    read.add_argument("--patience", type=float, default=60, help="seconds that others may be silent")
    read.add_argument("--test-hook", action="store_true",
                      help="open the hook of okap-conformance: whoever reaches it is the owner")
    return read.parse_args()


async def serve(said):
    """Serves until it is told to end."""
    host, _, port = said.listen.rpartition(":")
    host = host.strip("[]")
    issuer = check_issuer(said.issuer or f"http://{said.listen}", host)
    password = os.environ.get("OKAP_PASSWORD", "")
    if len(password) < 12:
        raise SystemExit("set OKAP_PASSWORD, 12 characters at least: it opens your pages")
    models = [model for model in said.models.split(",") if model]
    address = os.environ.get("OPENAI_BASE_URL", "https://api.openai.com/v1")
    upstream = Upstream(address, os.environ.get("OPENAI_API_KEY", ""), said.patience)
    desk = Desk(Store(said.data), Clock(), issuer, lambda of: models if of == PROVIDER else [])
    proxy = Proxy(desk, PROVIDER, upstream, models)
    app = App(desk, proxy, Pages(desk, password), said.test_hook)
    runner = web.ServerRunner(Server(app.answer, said.patience))
    await runner.setup()
    await web.TCPSite(runner, host, int(port)).start()
    print(f"OKAP vault at {issuer}", flush=True)
    ended = asyncio.Event()
    for signal_ in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal_, ended.set)
    await ended.wait()
    await runner.cleanup()
    await upstream.close()


if __name__ == "__main__":
    asyncio.run(serve(arguments()))
