#!/bin/sh
# The whole service with nothing but curl. Start it first: occam serve (or make serve).
#
#   OCCAM_URL      default http://127.0.0.1:8000
#   OCCAM_API_KEY  only where the service asks for one
set -eu
url=${OCCAM_URL:-http://127.0.0.1:8000}

call() { # curl that fails on 4xx and 5xx, but shows the problem
    curl --silent --show-error --fail-with-body \
        ${OCCAM_API_KEY:+--header "Authorization: Bearer $OCCAM_API_KEY"} "$@"
}
field() { # the first value of a text field in JSON on stdin
    sed -n "s/.*\"$1\" *: *\"\([^\"]*\)\".*/\1/p" | head -n 1
}

echo "what would it cost? nothing is stored:"
call "$url/v1/jobs?dry_run=true" --header 'Content-Type: application/json' --data '{
  "dataset": "digits", "architecture": "mlp", "loss": "cross_entropy",
  "regularizer": "l2", "lambda": {"log_range": [1e-5, 1e-1], "num": 9}, "folds": 5
}' | tr ',' '\n' | grep -E '"(settings|runs|cohorts|memory_bytes|time_s)"'

# The least body that works. The key makes a repeated POST give the same job, never a second one.
job=$(call "$url/v1/jobs" --header "Idempotency-Key: curl-example-$$" --header 'Content-Type: application/json' --data '{
  "dataset": "digits", "architecture": "mlp", "loss": "cross_entropy",
  "regularizer": "l2", "lambda": {"values": [0.0001, 0.001, 0.01]}, "epochs": 5
}' | field id)
echo "submitted $job"

echo "its first live events (server-sent; Last-Event-ID resumes them):"
call --no-buffer "$url/v1/jobs/$job/stream" | grep -E '^(id|event):' | head -n 6 || true

status=queued
until [ "$status" = succeeded ]; do # ?wait= answers at the next change, or after that many seconds
    status=$(call "$url/v1/jobs/$job?wait=10" | sed 's/"spec":.*"progress"/"progress"/' | field status)
    echo "status: $status"
    case $status in failed | cancelled) exit 1 ;; esac
done

echo "the report as Markdown; Accept: text/html, text/csv and application/json work too:"
call "$url/v1/jobs/$job/report" --header 'Accept: text/markdown'

run=$(call "$url/v1/jobs/$job/runs?limit=1" | sed 's/.*"data"//' | field id)
call "$url/v1/runs/$run/weights?which=best" --output "${TMPDIR:-/tmp}/$run.safetensors"
echo "weights of $run: ${TMPDIR:-/tmp}/$run.safetensors"

echo "a mistake is one sentence with a pointer to its place:"
curl --silent "$url/v1/jobs" \
    ${OCCAM_API_KEY:+--header "Authorization: Bearer $OCCAM_API_KEY"} \
    --header 'Content-Type: application/json' --data '{"dataset": "digits", "architecture": "mlp", "loss": "cross_entropi"}'
echo
