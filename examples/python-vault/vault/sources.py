"""Bounds on one source (section 14.3)."""

import ipaddress
from collections import defaultdict, deque

from .errors import Refusal


def source(request):
    """The address that asks. No forwarding header is trusted: this vault has no proxy in front."""
    address = ipaddress.ip_address((request.remote or "0.0.0.0").partition("%")[0])
    if address.version == 6:
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


class Bound:
    """At most so many in any minute from one source."""

    def __init__(self, most, clock):
        self._most, self._clock, self._seen = most, clock, defaultdict(deque)

    def count(self, source):
        """Counts one, or refuses it."""
        now = self._clock.now()
        for other in [other for other, seen in self._seen.items() if seen[-1] <= now - 60_000]:
            del self._seen[other]
        seen = self._seen[source]
        while seen and seen[0] <= now - 60_000:
            seen.popleft()
        if len(seen) >= self._most:
            wait = -(-(seen[0] + 60_000 - now) // 1000)
            said = f"more than {self._most} in a minute from one source; wait {wait} s"
            raise Refusal("too_many_requests", said, headers={"Retry-After": str(wait)})
        seen.append(now)
