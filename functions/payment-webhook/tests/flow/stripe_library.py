"""Proxy in front of the platform that verifies each webhook delivery with Stripe's official library.

Usage: stripe_library.py UPSTREAM WEBHOOK_PATH, with the secret in the environment variable WEBHOOK_SECRET. Prints its port,
then a line of JSON for each delivery: the event's type and id, or the library's error.
"""

import http.client
import http.server
import json
import os
import sys
import threading
import urllib.parse

import stripe

UPSTREAM = urllib.parse.urlsplit(sys.argv[1])
PATH = sys.argv[2]
SECRET = os.environ["WEBHOOK_SECRET"]
PRINT_LOCK = threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path == PATH:
            try:
                event = stripe.Webhook.construct_event(body, self.headers["stripe-signature"], SECRET)
                self.report({"type": event["type"], "id": event["id"], "intent": event["data"]["object"]["id"]})
            except stripe.SignatureVerificationError as error:
                self.report({"refused": str(error), "id": json.loads(body)["id"]})
                self.answer(400, [], b"{}")
                return
        upstream = http.client.HTTPConnection(UPSTREAM.hostname, UPSTREAM.port, timeout=10)
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            upstream.putheader(name, value)
        upstream.endheaders(body)
        answer = upstream.getresponse()
        own = ("transfer-encoding", "content-length", "connection")
        headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in own]
        self.answer(answer.status, headers, answer.read())

    def report(self, verdict):
        # Concurrent deliveries have separate threads; the lock keeps their lines apart.
        with PRINT_LOCK:
            print(json.dumps(verdict), flush=True)

    def answer(self, status, headers, body):
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

    do_GET = do_POST = do_PUT = do_DELETE = handle_any


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
