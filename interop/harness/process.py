"""A child process whose output is kept in files."""

import json
import os
import signal
import subprocess
import time


class Process:
    """Started with the constructor; its first line of JSON on stdout says that it is ready."""

    def __init__(self, name, command, directory, env=None, patience=60):
        self.name = name
        self.out = os.path.join(directory, f"{name}.stdout")
        self.err = os.path.join(directory, f"{name}.stderr")
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env={**os.environ, **(env or {})}
            )
        self.ready = self._wait(patience)

    def _wait(self, patience):
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            for line in self.stdout().splitlines():
                if line.startswith("{"):
                    return json.loads(line)
            if self.child.poll() is not None:
                break
            time.sleep(0.02)
        self.stop()
        raise RuntimeError(f"{self.name} did not start:\n{self.stdout()}{self.stderr()}")

    def stdout(self):
        with open(self.out, encoding="utf-8", errors="replace") as file:
            return file.read()

    def stderr(self):
        with open(self.err, encoding="utf-8", errors="replace") as file:
            return file.read()

    def stop(self):
        """Asks it to end; returns what it did wrong in that, if anything."""
        if self.child.poll() is not None:
            return f"{self.name} had ended already with status {self.child.returncode}"
        self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(15)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            return f"{self.name} did not end within 15 s of SIGTERM"
        return None
