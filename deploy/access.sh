#!/usr/bin/env bash
# Gives JobMarket the role of role.json under a user of its own, and Kibana its password. The same again at each start.
set -euo pipefail

secret() {
    tr -d '\r\n' < "/run/secrets/$1"
}

# Asks as `elastic`; no password stands on a command line.
ask() { # method, path, file of the body
    curl --fail-with-body -sS --cacert /authority/ca.crt --config <(printf 'user = "elastic:%s"\n' "$(secret ELASTIC_PASSWORD)") \
        -X "$1" "https://elasticsearch:9200$2" -H 'Content-Type: application/json' --data-binary "@$3"
    echo
}

ask PUT /_security/role/jobmarket /role.json
ask PUT /_security/user/jobmarket <(printf '{"password": "%s", "roles": ["jobmarket"]}' "$(secret JOBMARKET_PASSWORD)")
ask PUT /_security/user/kibana_system/_password <(printf '{"password": "%s"}' "$(secret KIBANA_PASSWORD)")
