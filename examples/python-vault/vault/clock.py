"""The time, in milliseconds since 1970."""

import time


class Clock:
    """The computer's clock. It never steps back, and the test hook can turn it forward."""

    def __init__(self):
        self._ahead = self._latest = 0

    def now(self):
        """The present moment."""
        self._latest = max(self._latest, time.time_ns() // 1_000_000 + self._ahead)
        return self._latest

    def turn(self, seconds):
        """Turns it forward."""
        self._ahead += seconds * 1000
