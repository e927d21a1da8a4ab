"""Proxy in front of the platform that verifies each webhook delivery with Stripe's official library.

Usage: stripe_library.py UPSTREAM WEBHOOK_PATH, with the secret in the environment variable WEBHOOK_SECRET. Prints its port,
then a line of JSON for each delivery: values of the parsed event, or the library's error.
"""

import http.client
import http.server
import inspect
import json
import os
import sys
import threading
import typing
import urllib.parse

import stripe

UPSTREAM = urllib.parse.urlsplit(sys.argv[1])
PATH = sys.argv[2]
SECRET = os.environ["WEBHOOK_SECRET"]
PRINT_LOCK = threading.Lock()

# Attributes that Stripe leaves out where they do not apply, by its API reference. All others are present, perhaps null.
LEFT_OUT = {
    stripe.Event: {"account", "context"},
    stripe.PaymentIntent: {"hooks", "payment_details", "presentment_details"},
    stripe.Charge: {"authorization_code", "level3", "presentment_details", "radar_options", "refunds", "transfer"},
}


def has_type(value, kind):
    """Compares a value with an annotation of the library's classes."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Union:
        return any(has_type(value, arg) for arg in args)
    if origin is typing.Literal:
        return value in args
    if origin is list:
        return isinstance(value, list) and all(has_type(item, args[0]) for item in value)
    if kind in (int, str, bool, type(None)):
        return type(value) is kind
    # An object: of the class, of one of the library's classes by name, or with free attributes.
    return isinstance(value, kind if inspect.isclass(kind) and not args else stripe.StripeObject)


def deviations(parsed, sent, path):
    """Differences between a parsed object and the library's class for it, in words."""
    if type(parsed) is stripe.StripeObject:
        # Free attributes, such as metadata.
        return
    of_class = inspect.get_annotations(type(parsed))
    declared = {name: kind for name, kind in of_class.items() if typing.get_origin(kind) is not typing.ClassVar}
    for name, kind in declared.items():
        must = not has_type(None, kind) if type(parsed) not in LEFT_OUT else name not in LEFT_OUT[type(parsed)]
        if name not in sent and must:
            yield f"{path}.{name} is missing"
        if name in sent and not has_type(getattr(parsed, name), kind):
            yield f"{path}.{name} is {sent[name]!r}, not {kind}"
    for name, value in sent.items():
        if name not in declared:
            yield f"{path}.{name} is unknown"
        elif isinstance(value, dict):
            yield from deviations(getattr(parsed, name), value, f"{path}.{name}")


def values(event, sent):
    """Values of an event, read as attributes of the library's objects."""
    subject = event.data.object
    common = {
        "id": event.id,
        "type": event.type,
        "api_version": event.api_version,
        "pending_webhooks": event.pending_webhooks,
        "request": event.request.id,
        "object": type(subject).__name__,
        "amount": subject.amount,
        "currency": subject.currency,
        "synthetic": subject.metadata.synthetic,
        "library_version": stripe.api_version,
        "deviations": list(deviations(event, sent, "event")),
    }
    if isinstance(subject, stripe.Charge):
        return common | {"intent": subject.payment_intent, "moved": subject.amount_refunded}
    error = subject.last_payment_error
    return common | {"intent": subject.id, "moved": subject.amount_received, "error": error and error.code}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path == PATH:
            try:
                event = stripe.Webhook.construct_event(body, self.headers["stripe-signature"], SECRET)
                self.report(values(event, json.loads(body)))
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
