"""A slow broker: a proxy on loopback that holds back whatever the broker says for a while, and passes on at once what it is told."""
import socket
import threading
import time


class Proxy:
    def __init__(self, port, delay):
        self.target, self.delay = ('127.0.0.1', port), delay
        self.server = socket.create_server(('127.0.0.1', 0), backlog=50)
        self.port = self.server.getsockname()[1]
        self.ends = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client = self.server.accept()[0]
                broker = socket.create_connection(self.target)
            except OSError:             # closed
                return
            for end in (client, broker):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.ends += [client, broker]
            threading.Thread(target=self.pump, args=(client, broker, 0), daemon=True).start()
            threading.Thread(target=self.pump, args=(broker, client, self.delay), daemon=True).start()

    def pump(self, source, target, delay):
        """each piece as long after it came as the delay is, however many there are"""
        pieces, waiting = [], threading.Condition()

        def give():
            while True:
                with waiting:
                    waiting.wait_for(lambda: pieces)
                    due, piece = pieces.pop(0)
                time.sleep(max(0, due - time.time()))
                try:
                    if not piece:
                        target.shutdown(socket.SHUT_RDWR)
                        return
                    target.sendall(piece)
                except OSError:
                    return

        threading.Thread(target=give, daemon=True).start()
        piece = True
        while piece:
            try:
                piece = source.recv(65536)
            except OSError:
                piece = b''
            with waiting:
                pieces.append((time.time() + delay, piece))
                waiting.notify()

    def close(self):
        for end in [self.server] + self.ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()
