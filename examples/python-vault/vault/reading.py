"""Reading what comes from outside: JSON, words, amounts, moments (sections 2.2, 2.4, 2.5)."""

import asyncio
import json
import re
import unicodedata
from datetime import datetime, timedelta, timezone

from .errors import Refusal


class Number(str):
    """The digits of a JSON number. A float would round amounts, an int would forget `1e2`."""


def read_json(raw, depth):
    """One JSON text in UTF-8, no name twice in an object, at most so many levels deep."""

    def members(pairs):
        found = dict(pairs)
        if len(found) < len(pairs):
            raise Refusal("duplicate_member", "a member stands twice in one object")
        return found

    def constant(word):
        raise ValueError(f"{word} is no JSON")

    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=members, parse_int=Number,
                           parse_float=Number, parse_constant=constant)
    except (ValueError, RecursionError):
        raise Refusal("invalid_json", "the body is not exactly one JSON text in UTF-8") from None
    _look_through(value, depth)
    return value


def _look_through(value, depth):
    level = [value]
    while level:
        below = []
        for one in level:
            if isinstance(one, dict):
                below += [*one, *one.values()]
            elif isinstance(one, list):
                below += one
            elif isinstance(one, str) and re.search("[\ud800-\udfff]", one):
                raise Refusal("invalid_json", "a string has a lone surrogate")
        depth -= any(isinstance(one, (dict, list)) for one in level)
        if depth < 0:
            raise Refusal("invalid_json", "the body is nested too deep")
        level = below


async def read_body(request, most, seconds=30):
    """The body, if it is there in time and not longer than `most` bytes."""
    too_large = Refusal("request_too_large", f"the body has more than {most} bytes")
    if (request.content_length or 0) > most:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for piece in request.content.iter_any():
                body += piece
                if len(body) > most:
                    raise too_large
    except TimeoutError:
        raise Refusal("request_timeout", f"the body was not there in {seconds} s") from None
    return bytes(body)


# Unicode's Default_Ignorable_Code_Point, which the standard library does not have, and the
# interlinear annotation marks
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]")


def clean(text):
    """Words as people may be shown them."""
    text = re.sub(r"[\s\u2800]+", " ", _INVISIBLE.sub("", text))
    return "".join(c for c in text if unicodedata.category(c) != "Cc").strip()


def is_visible(text):
    """Whether a name has no control, invisible or direction-changing characters."""
    hidden = any(unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") or c == "\u2800" for c in text)
    return not hidden and not _INVISIBLE.search(text)


def is_text(value):
    """Whether a JSON value is a string, and not the digits of a number."""
    return type(value) is str


_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,6})(?:\.([0-9]{1,6}))?", re.ASCII)


def micros(text):
    """Millionths of a dollar, or None."""
    found = _AMOUNT.fullmatch(text)
    if found is None:
        return None
    amount = int(found[1]) * 1_000_000 + int((found[2] or "").ljust(6, "0"))
    return amount if amount <= 1_000_000_000_000 else None


def written(amount):
    """An amount as answers have it: at least two decimals."""
    whole, rest = divmod(amount, 1_000_000)
    return f"{whole}.{f'{rest:06}'.rstrip('0').ljust(2, '0')}"


_MOMENT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d)))?", re.ASCII)
_EPOCH = datetime(1970, 1, 1)


def moment(text):
    """Milliseconds since 1970 of an RFC 3339 text or of a day, or None."""
    found = _MOMENT.fullmatch(text) if len(text) <= 35 else None
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    sign, hours, minutes = found.groups()[7:]
    try:
        local = datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None
    ahead = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    seconds = (local - _EPOCH - (-ahead if sign == "-" else ahead)) // timedelta(seconds=1)
    millis = seconds * 1000 + int((found[7] or "").ljust(3, "0")[:3])
    return millis if 0 <= millis < 32_503_680_000_000 else None


def shown(millis):
    """A moment as answers have it."""
    text = datetime.fromtimestamp(millis // 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    rest = f".{millis % 1000:03}".rstrip("0") if millis % 1000 else ""
    return f"{text}{rest}Z"
