#!/bin/sh
# Which regularizer is best on the diabetes data? 27 settings, 5 folds twice each, over HTTP.
#
# Starts the service on a free port, posts examples/jobs/compare.json, follows it, prints the
# verdict, writes the report as one HTML file, and stops the service. `make demo` runs this.
set -eu
cd "$(dirname "$0")/.."
[ -x .venv/bin/occam ] && PATH="$PWD/.venv/bin:$PATH"

data=${OCCAM_DATA_DIR:-occam-data}
log=$data/demo.log
report=$data/demo-report.html
mkdir -p "$data"
: >"$log"

port=$(python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
occam serve --host 127.0.0.1 --port "$port" --data-dir "$data" >"$log" 2>&1 &
service=$!
stop() { kill "$service" 2>/dev/null && wait "$service" || true; }
trap stop EXIT
trap 'exit 130' INT TERM

printf 'starting the service ...'
until grep -q 'Occam is ready' "$log"; do
    kill -0 "$service" 2>/dev/null || { echo; cat "$log"; exit 1; }
    sleep 0.1
done
export OCCAM_URL="http://127.0.0.1:$port"
echo " $OCCAM_URL"

job=$(occam submit examples/jobs/compare.json)
echo "POST /v1/jobs < examples/jobs/compare.json -> $job"
occam follow "$job"
occam report "$job" --output "$report"

echo
echo "report with figures: file://$(cd "$data" && pwd)/$(basename "$report")"
echo "to go on: make serve, then http://127.0.0.1:8000/docs or: occam report $job"
