"""What an app asks: two shapes of one request, read into one list (section 2)."""

import re
from urllib.parse import urlsplit

from .errors import Refusal
from .reading import Number, clean, is_text, is_visible, micros, moment, written

VERSIONS = ["1.0"]
MONEY = ("monthly_spend", "daily_spend")
COUNTS = ("requests_per_minute", "requests_per_day", "tokens_per_request")
FIELDS = ["provider", "models", "capabilities", "limits", "expires", "reason"]

_DAY = 86_400_000
LONGEST, USUAL = 365 * _DAY, 30 * _DAY

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)
_VERSION = re.compile(r"(0|[1-9][0-9]{0,4})\.(0|[1-9][0-9]{0,4})", re.ASCII)


def read_request(body, now):
    """The objects that are asked for, who asks, and whether the answer is to be flat."""
    if not isinstance(body, dict):
        raise Refusal("invalid_request", "the body is not an object")
    _version(body.get("okap"))
    if ("request" in body) == ("authorization_details" in body):
        raise Refusal("invalid_request", "send one of request and authorization_details")
    app = _client(body.get("client", {}))
    if "request" in body:
        return [_object({"type": "ai_model_access", **_members(body["request"])}, now)], app, True
    return _details(body["authorization_details"], now), app, False


def _version(said):
    found = _VERSION.fullmatch(said) if is_text(said) else None
    if found is None or found[1] != "1":
        said = "this version of okap is not supported, this vault speaks 1.0"
        raise Refusal("unsupported_version", said, okap_versions_supported=VERSIONS)


def _client(said):
    """What the app says of itself. All of it is a claim; the callback is never used."""
    if not isinstance(said, dict):
        raise Refusal("invalid_request", "client is not an object")
    for member in ("name", "url", "callback", "client_id"):
        if member in said and not is_text(said[member]):
            raise Refusal("invalid_request", f"client.{member} is not a string")
    if "client_id" in said:
        raise Refusal("invalid_client", "this vault fetches no client documents; leave it out")
    name = clean(said.get("name", ""))
    if len(name) > 80:
        raise Refusal("invalid_request", "client.name has more than 80 characters")
    return {"name": name, "url": _address(said["url"]) if "url" in said else ""}


def _address(text):
    try:
        url = urlsplit(text)
        web = url.scheme in ("http", "https") and url.hostname and "@" not in url.netloc
        if web and (url.port or 1) and is_visible(text) and not re.search(r"[\s\\]", text):
            return text
    except ValueError:
        pass
    raise Refusal("invalid_request", "client.url is no http or https address")


def _wrong(said):
    return Refusal("invalid_authorization_details", said)


def _members(said):
    if not isinstance(said, dict):
        raise _wrong("a details object is not an object")
    return said


def _details(said, now):
    if not isinstance(said, list) or not 1 <= len(said) <= 16:
        raise _wrong("authorization_details is not a list of 1 to 16 objects")
    objects = [_object(_members(one), now) for one in said]
    for at, one in enumerate(objects):
        for other in objects[:at]:
            if one["provider"] != other["provider"]:
                continue
            if set(one["models"]) & set(other["models"]) or not one["models"] + other["models"]:
                raise _wrong(f"two objects of {one['provider']} share a model")
    return objects


def _object(said, now):
    """One details object with all its members, none of them surprising."""
    unknown = set(said) - {"type", *FIELDS}
    if unknown:
        raise _wrong("a details object has an unknown member, or one of answers")
    if said.get("type") != "ai_model_access" or not is_text(said["type"]):
        raise _wrong("type is not ai_model_access")
    provider = said.get("provider")
    if not is_text(provider) or not _NAME.fullmatch(provider):
        raise _wrong("provider is missing, or no name of a provider")
    return {
        "provider": provider,
        "models": _list(said.get("models", []), 64, _is_model, "models"),
        "capabilities": _list(said.get("capabilities", []), 16, _NAME.fullmatch, "capabilities"),
        "limits": read_limits(said.get("limits", {})),
        "expires": _end(said["expires"], now) if "expires" in said else now + USUAL,
        "reason": _reason(said.get("reason", "")),
    }


def _list(said, most, fits, what):
    good = isinstance(said, list) and len(said) <= most
    if not good or not all(is_text(one) and fits(one) for one in said):
        raise _wrong(f"{what} is not a list of at most {most} names")
    if len(set(said)) < len(said):
        raise _wrong(f"{what} names one twice")
    return said


def _is_model(name):
    return 1 <= len(name.encode()) <= 256 and is_visible(name) and name != "*"


def _end(said, now):
    end = moment(said) if is_text(said) else None
    if end is None or end <= now:
        raise _wrong("expires is past, or no RFC 3339 moment with an offset")
    return min(end, now + LONGEST)


def _reason(said):
    if not is_text(said) or len(clean(said)) > 280:
        raise _wrong("reason is not a text of at most 280 characters")
    return clean(said)


def read_limits(said):
    """Limits: amounts as they are written in answers, counts as integers."""
    if not isinstance(said, dict) or set(said) - {*MONEY, *COUNTS}:
        raise _wrong("limits is not an object of known limits")
    return {name: _limit(name, value) for name, value in said.items()}


def _limit(name, said):
    if name in MONEY:
        amount = micros(said) if isinstance(said, str) else None
        if amount is not None:
            return written(amount)
        raise _wrong(f"{name} is not an amount of 0 to 1000000 USD with at most 6 decimals")
    if type(said) is Number and said.isdecimal() and 1 <= len(said) <= 10:
        if 1 <= int(said) <= 2_147_483_647:
            return int(said)
    raise _wrong(f"{name} is not an integer of 1 to 2147483647")
