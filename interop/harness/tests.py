"""The harness finds what it is there to find."""

import socket
import tempfile
import threading
import time
import unittest
from base64 import b64encode
from pathlib import Path

from .leaks import Search, files
from .page import form_with
from .tap import Tap

SECRET = "sk-okapconf-0123456789abcdef0123456789abcdef"


class Leaks(unittest.TestCase):
    def test_a_secret_is_found_in_every_disguise(self):
        for planted in (
            SECRET.encode(),
            b"\0\1" + SECRET.encode() + b"\xff",
            SECRET.encode().hex().encode(),
            b64encode(f"Bearer {SECRET}".encode()),
            b64encode(f"x{SECRET}".encode()),
            b64encode(f"{SECRET}\n".encode()),
        ):
            search = Search()
            search.secret("the key", SECRET, "a file", b"before " + planted + b" after")
            self.assertEqual(len(search.findings), 1, planted)
            self.assertNotIn(SECRET, search.findings[0])

    def test_a_token_is_found_and_its_name_alone_is_not(self):
        search = Search()
        search.tokens("a log", b"okap_at_ is how they begin; x-okap_at_tokens")
        self.assertEqual(search.findings, [])
        search.tokens("a log", b"token=okap_at_" + b"a" * 49)
        self.assertEqual(search.findings, ["a token okap_at_… in a log"])

    def test_every_file_is_read(self):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "vault.db-wal").write_bytes(SECRET.encode())
            Path(folder, "deep").mkdir()
            Path(folder, "deep", "file").write_bytes(b"x")
            self.assertEqual(sorted(name for name, _ in files(folder)), ["deep/file", "vault.db-wal"])


class Pages(unittest.TestCase):
    def test_a_form_is_sent_as_a_browser_sends_it(self):
        form = form_with(
            """<form action="/other"><input name="x"></form>
            <form method="post" action="/consent/1"><input type="hidden" name="shown" value="a&amp;b">
            <input type="checkbox" name="model.0" value="m" checked><input type="checkbox" name="model.0" value="n">
            <input type="number" name="cap.0" value="10"><button name="action" value="allow">Allow</button></form>""",
            "shown",
        )
        self.assertEqual(form.action, "/consent/1")
        self.assertEqual(form.filled({}), {"shown": ["a&b"], "model.0": ["m"], "cap.0": ["10"]})
        self.assertEqual(form.filled({"model.0": ["n"], "cap.0": 5})["model.0"], ["n"])
        with self.assertRaises(AssertionError):
            form.filled({"max.0": "1"})


class OnTheWire(unittest.TestCase):
    def test_requests_are_counted_wherever_the_reads_cut_them(self):
        with socket.create_server(("127.0.0.1", 0)) as vault:
            tap = Tap()
            tap.target = vault.getsockname()
            client = socket.create_connection(("127.0.0.1", tap.port))
            behind, _ = vault.accept()
            threading.Thread(target=self._answer, args=(behind,), daemon=True).start()
            for piece in (b"POST /v1/a HT", b"TP/1.1\r\nhost: x\r\n\r\n{}", b"GET /v1/b?c HTTP/1.1\r\n\r\n"):
                client.sendall(piece)
                time.sleep(0.05)
            client.shutdown(socket.SHUT_WR)
            while client.recv(100):
                pass
            client.close()
            tap.close()
        self.assertEqual([one["path"] for one in tap.requests], ["/v1/a", "/v1/b?c"])
        self.assertEqual(bytes(tap.answers[0]), b"an answer")

    @staticmethod
    def _answer(behind):
        while behind.recv(4096):
            pass
        behind.sendall(b"an answer")
        behind.close()


if __name__ == "__main__":
    unittest.main()
