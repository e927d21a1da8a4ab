"""Mail server on a free port. Prints the port, then a line of JSON for each mail. Refuses mail to nobody@."""

import email
import json
import time

from aiosmtpd.controller import Controller


class Mailboxes:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content)
        print(json.dumps({"to": envelope.rcpt_tos[0], "subject": mail["subject"]}), flush=True)
        return "250 OK"


class OnAnyPort(Controller):
    def _trigger_server(self):
        # The superclass connects to this port and expects a greeting, so it needs the actual number.
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


controller = OnAnyPort(Mailboxes(), hostname="127.0.0.1", port=0)
controller.start()
print(controller.port, flush=True)
while True:
    time.sleep(3600)
