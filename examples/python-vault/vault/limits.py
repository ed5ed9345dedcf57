"""Limits, as far as this vault keeps them; it does not claim the profile `limits` (section 13).

- Requests are counted, by minute and by day.
- `tokens_per_request` is kept by a bound: a prompt has no more tokens than its body has bytes.
- It knows no prices. So under a limit on money every call is refused: nothing is counted as free.
"""

import json

from .errors import Refusal
from .reading import shown
from .request import MONEY

_DAY = 86_400_000


def account(grant, at):
    """Names the counters of an object: those of the app, whichever grant it has now."""
    return json.dumps([grant["app"], grant["objects"][at]["provider"], at])


def _window(name, now):
    """Since when requests count."""
    return now - 60_000 + 1 if name == "requests_per_minute" else now - now % _DAY


def _used(store, name, now, grant, at):
    query = "SELECT count(*) FROM call WHERE account = ? AND at >= ?"
    return store.count(query, account(grant, at), _window(name, now))


def admit(store, now, grant, at):
    """Refuses a call that does not fit."""
    limits = grant["objects"][at]["limits"]
    if any(name in limits for name in MONEY):
        said = "this vault knows no prices, so no call fits a limit on money; ask without one"
        raise Refusal("model_not_priced", said)
    for name in ("requests_per_minute", "requests_per_day"):
        if name not in limits or _used(store, name, now, grant, at) < limits[name]:
            continue
        if name == "requests_per_minute":
            query = "SELECT at FROM call WHERE account = ? ORDER BY at DESC LIMIT 1 OFFSET ?"
            leaves = store.count(query, account(grant, at), limits[name] - 1) + 60_000
            headers = {"Retry-After": str(max(1, -(-(leaves - now) // 1000)))}
        else:
            leaves, headers = now - now % _DAY + _DAY, {"x-should-retry": "false"}
        raise Refusal("rate_limit_exceeded", f"{name} is {limits[name]}", headers=headers,
                      limit=str(limits[name]), used=str(limits[name]), resets_at=shown(leaves))


def ceiling(limits, call):
    """The output ceiling that has to be set for `tokens_per_request`; None where none has to be."""
    most = limits.get("tokens_per_request")
    if most is None:
        return None
    left = most - len(call.text.encode())
    if call.ceiling is not None and call.ceiling * call.answers <= left and not call.images:
        return None
    # an image costs more tokens than its address has bytes, and nobody here knows how many
    if call.ceiling is not None or left < 16 * call.answers or call.images:
        said = f"a prompt and its answer may have {most} tokens together"
        raise Refusal("tokens_per_request_exceeded", said, limit=str(most))
    return left // call.answers


def left(store, now, grant, at):
    """What is left of each limit of an object."""
    found = {}
    for name, limit in grant["objects"][at]["limits"].items():
        if name in MONEY:
            # nothing can be paid for, so nothing is used
            found[name] = {"limit": limit, "used": "0.00", "remaining": limit}
        elif name == "tokens_per_request":
            found[name] = {"limit": limit}
        else:
            used = _used(store, name, now, grant, at)
            found[name] = {"limit": limit, "used": used, "remaining": max(0, limit - used)}
    return found
