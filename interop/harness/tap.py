"""Sits on the wire before the vault: keeps every byte that came back, and counts requests."""

import re
import socket
import threading
import time

_HEAD = re.compile(rb"(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) (/\S*) HTTP/1\.1\r\n")


class Tap:
    """Forwards connections to `target` (set later) byte for byte."""

    def __init__(self):
        self.target = None
        self.requests = []
        self.answers = []
        self.lock = threading.Lock()
        self.server = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.server.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.server.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client):
        try:
            vault = socket.create_connection(self.target, timeout=10)
        except OSError:
            client.close()
            return
        for side in (client, vault):
            side.settimeout(None)
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        back = threading.Thread(target=self._pump, args=(vault, client, self._answered()), daemon=True)
        back.start()
        self._pump(client, vault, self._requested())
        back.join()
        client.close()
        vault.close()

    def _pump(self, source, sink, keep):
        try:
            while data := source.recv(65536):
                keep(data)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            # one side broke; so does the other
            for side in (source, sink):
                try:
                    side.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def _requested(self):
        tail = b""

        def keep(data):
            nonlocal tail
            # a head split over two reads is found in the second
            text = tail + data
            last = 0
            for found in _HEAD.finditer(text):
                last = found.end()
                with self.lock:
                    self.requests.append(
                        {"at": time.time(), "method": found[1].decode(), "path": found[2].decode("latin-1")}
                    )
            tail = text[max(last, len(text) - 512):]

        return keep

    def _answered(self):
        whole = bytearray()
        with self.lock:
            self.answers.append(whole)
        return whole.extend
