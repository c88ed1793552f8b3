#!/usr/bin/env bash
# Makes an authority and the node's certificate, once; and gives Elasticsearch its first password in a file of its own.
set -euo pipefail
cd /certificates

if [ ! -e node.crt ]; then
    made=$(mktemp -d)
    /usr/share/elasticsearch/bin/elasticsearch-certutil ca --silent --pem --days 3650 --out "$made/ca.zip"
    unzip -q "$made/ca.zip" -d "$made"
    /usr/share/elasticsearch/bin/elasticsearch-certutil cert --silent --pem --days 3650 --name node \
        --dns elasticsearch --dns localhost --ip 127.0.0.1 \
        --ca-cert "$made/ca/ca.crt" --ca-key "$made/ca/ca.key" --out "$made/node.zip"
    unzip -q "$made/node.zip" -d "$made"
    # The authority's key signs nothing more: it is not kept.
    cp "$made/ca/ca.crt" "$made/node/node.key" .
    # The last one: what was cut short is made again.
    cp "$made/node/node.crt" .
    rm -rf "$made"
fi

# Elasticsearch takes a password from a file of its own user alone.
cp /run/secrets/ELASTIC_PASSWORD elastic_password
chown 1000:0 ca.crt node.crt node.key elastic_password
chmod 444 ca.crt node.crt
chmod 400 node.key elastic_password
cp ca.crt /authority/ca.crt
chmod 444 /authority/ca.crt
