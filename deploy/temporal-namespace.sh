#!/bin/sh
# Makes the namespace with the search attributes that the sagas set; what is there stays as it is.
set -eu

attempts=0
retry() {
  until "$@"; do
    attempts=$((attempts + 1))
    if [ "$attempts" -ge 60 ]; then
      echo "given up: $*" >&2
      exit 1
    fi
    sleep 2
  done
}

retry temporal operator cluster health
if ! temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; then
  # A finished saga can be looked at, and its order is not begun again, for this long.
  retry temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention 720h
fi

add_search_attribute() {
  temporal operator search-attribute list --namespace "$TEMPORAL_NAMESPACE" | grep -qw "$1" ||
    temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" --name "$1" --type Keyword
}
# A new namespace is known to the whole server only after some seconds.
retry add_search_attribute OrderStatus
retry add_search_attribute CancelReason
retry add_search_attribute StuckCause
