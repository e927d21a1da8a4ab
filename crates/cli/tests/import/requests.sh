#!/bin/sh
# Requests of the platform, as people keep them.
$ curl -s https://app.example/api/status | jq .status

curl -sSL 'https://app.example/api/bookings?from=2026-01-01&free=1' \
  -H 'Accept: application/json' \
  -H "Authorization: Bearer s3cr3t-token-one" --max-time 5

curl https://app.example/api/bookings/17 -H 'Authorization: Bearer s3cr3t-token-one' -b 'session=s3cr3t-cookie' \
  -A 'Mozilla/5.0' --compressed

curl https://monitor:s3cr3t-password@partner.example/v1/self
curl https://partner.example/v1/own -H "Authorization: Basic bW9uaXRvcjpzM2NyM3QtcGFzc3dvcmQ="
curl -u s3cr3t-key: https://partner.example/v1/balance --unknown-option
curl -u s3cr3t-key: https://partner.example/v1/balance
curl -u monitor:s3cr3t-password -k https://partner.example/v1/ping?api_key=s3cr3t-key-1234&x=1

curl https://app.example/api/search -d '{"city": "Aarhus", "free": true}' -H 'content-type: application/json'
curl -XPUT https://app.example/api/search -d a=1 -d b=2
curl https://app.example/api/text --data-raw $'it\'s\n"""\nid = "other"' -H 'Content-Type: text/csv'
curl https://app.example/login -d 'email=a@example.com&password=s3cr3t-password'
curl -F file=@s3cr3t-file https://app.example/upload
curl -H "X-Api-Key: $API_KEY" https://app.example/api/schools/$SCHOOL
curl -H "X-Api-Key: $API_KEY" -I https://app.example/
