"""Reads payment intents with Stripe's official library and prints a summary in JSON.

Usage: stripe_library.py BASE_URL, with the key in the environment variable STRIPE_KEY.
"""

import json
import os
import sys
import time

import stripe

base = {"api": sys.argv[1]}
client = stripe.StripeClient(os.environ["STRIPE_KEY"], base_addresses=base)
listed = client.v1.payment_intents.list({"limit": 100, "created": {"gte": int(time.time()) - 4 * 3600}})
intents = list(listed.auto_paging_iter())
created = [intent.created for intent in intents]
paid = next(intent.id for intent in intents if intent.status == "succeeded")
try:
    client.v1.payment_intents.retrieve("pi_unknown")
    unknown = "found"
except stripe.InvalidRequestError as error:
    unknown = error.code
try:
    stripe.StripeClient("rk_wrong", base_addresses=base).v1.payment_intents.list()
    bad_key = "taken"
except stripe.AuthenticationError as error:
    bad_key = type(error).__name__
print(json.dumps({
    "count": len(intents),
    "unique": len({intent.id for intent in intents}),
    "newest_first": created == sorted(created, reverse=True),
    "by_id": client.v1.payment_intents.retrieve(paid).status,
    "unknown": unknown,
    "bad_key": bad_key,
}))
