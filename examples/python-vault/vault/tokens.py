"""Tokens: a prefix, 32 random bytes and a checksum (section 8.1)."""

import hashlib
import re
import secrets
import zlib
from base64 import urlsafe_b64encode

ACCESS, CONTINUATION = "okap_at_", "okap_ct_"

# the last letter of a random part and of a checksum holds fewer bits than it could; other letters
# there would be another spelling of the same bytes
_FORM = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048][A-Za-z0-9_-]{5}[AQgw]", re.ASCII)


def _base64(data):
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _sum(body):
    return _base64(zlib.crc32(body.encode()).to_bytes(4, "big"))


def mint(kind):
    """A new token of a kind."""
    body = kind + _base64(secrets.token_bytes(32))
    return body + _sum(body)


def digest(token, kind):
    """What is stored of a token, or None where it is none of this kind."""
    if not token.startswith(kind) or not _FORM.fullmatch(token, len(kind)):
        return None
    if _sum(token[:-6]) != token[-6:]:
        return None
    return hashlib.sha256(token.encode()).digest()


def word(letters=16):
    """An unguessable word for ids."""
    return secrets.token_urlsafe(letters)


def user_code():
    """Eight letters that a person can compare (section 6.1)."""
    letters = "".join(secrets.choice("BCDFGHJKLMNPQRSTVWXZ") for _ in range(8))
    return f"{letters[:4]}-{letters[4:]}"
