"""Looks for secrets where none may be."""

import base64
import os
import re

TOKEN = re.compile(rb"okap_(?:at|rt|ac|dc|ct)_[A-Za-z0-9_-]{20,}")


def disguises(secret):
    """The secret as it is, and as base64 and hexadecimal would write it."""
    raw = secret.encode()
    needles = {"plain": raw, "hex": raw.hex().encode()}
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + raw)
        # the ends depend on what stands around it
        needles[f"base64+{shift}"] = text[4:-4]
    return needles


class Search:
    """Collects findings; no text it was given is printed."""

    def __init__(self):
        self.findings = []
        self.bytes = 0

    def secret(self, what, secret, where, data):
        """No form of the secret stands in the data."""
        self.bytes += len(data)
        for form, needle in disguises(secret).items():
            if needle in data:
                self.findings.append(f"{what} ({form}) in {where}")

    def tokens(self, where, data):
        """No okap token stands in the data."""
        found = {match.group()[:8].decode() for match in TOKEN.finditer(data)}
        for kind in sorted(found):
            self.findings.append(f"a token {kind}… in {where}")


def files(directory):
    """Every file below a directory, with its bytes."""
    for folder, _, names in os.walk(directory):
        for name in sorted(names):
            path = os.path.join(folder, name)
            try:
                with open(path, "rb") as file:
                    yield os.path.relpath(path, directory), file.read()
            except (FileNotFoundError, OSError):
                # a journal that was just folded in, or a socket
                continue
