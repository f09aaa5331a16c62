#!/usr/bin/env bash
# MLflow's server with its data in PostgreSQL, for the head of a cluster. As the user who will run sweeps, never as root:
#
#   tracking-server.sh start ARTIFACTS     s3://bucket/folder, gs://bucket/folder, or a folder that this user can write
#   tracking-server.sh stop
#
# `start` leaves alone what runs already, so that every `ray up` may call it; only another ARTIFACTS restarts MLflow, and what lies at
# the former place is yours to copy. Data and logs lie in ~/gantune-tracking on the head's own disk: PostgreSQL on a network file system
# is slow, and two servers on one folder ruin it. Should that disk be lost, `gantune sync` makes MLflow whole again from each sweep's
# spool.
set -euo pipefail
export MLFLOW_DISABLE_TELEMETRY=true

port=5000
place=$HOME/gantune-tracking
PATH=$PATH:$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1) # where Debian and Ubuntu keep initdb and pg_ctl

postgresql_answers() { pg_isready --quiet --host "$place"; }

mlflow_listens() { (: > "/dev/tcp/127.0.0.1/$port") 2> /dev/null; }

# The API, since /health answers even where a Host header is refused.
mlflow_answers() {
  python - "http://127.0.0.1:$port/api/2.0/mlflow/experiments/search" 2> /dev/null << 'END'
import sys, urllib.request
request = urllib.request.Request(sys.argv[1], b'{"max_results": 1}', {"Content-Type": "application/json"})
urllib.request.urlopen(request, timeout=5).read()
END
}

# The process that was started here, and not another one that has its number by now.
mlflow_runs() { grep -qsa mlflow "/proc/$(cat "$place/mlflow.pid" 2> /dev/null)/cmdline"; }

# One user, who comes through a socket in a folder of their own and is known by the system: no network, so no password to keep.
start_postgresql() {
  if [ ! -e "$place/data/PG_VERSION" ]; then
    initdb --pgdata "$place/data" --auth-local peer --auth-host reject --encoding UTF8 --locale C > /dev/null
  fi
  if ! postgresql_answers; then
    pg_ctl start --wait --silent --pgdata "$place/data" --log "$place/postgresql.log" \
      --options "-c listen_addresses='' -c unix_socket_directories='$place'"
  fi
  psql --quiet --host "$place" --dbname mlflow --command '' 2> /dev/null || createdb --host "$place" mlflow
}

# Workers and tunnels name the server by an address of this machine, its name, or localhost: others are refused with 403.
start_mlflow() {
  local addresses names
  read -ra addresses <<< "$(hostname -I)"
  names=$(printf "%s:$port," "${addresses[@]}" "$(hostname)" 127.0.0.1)localhost:$port
  # No jobs of its own beside it: gantune has no use for the seven processes that would wait for some.
  MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false setsid nohup mlflow server --host 0.0.0.0 --port "$port" --workers 2 --allowed-hosts "$names" \
    --backend-store-uri "postgresql+psycopg2:///mlflow?host=$place" --artifacts-destination "$1" \
    < /dev/null > "$place/mlflow.log" 2>&1 &
  echo $! > "$place/mlflow.pid"
  echo "$1" > "$place/artifacts"
}

await_mlflow() {
  for _ in {1..120}; do
    if mlflow_answers; then return; fi
    if ! mlflow_runs; then break; fi
    sleep 1
  done
  tail -n 20 "$place/mlflow.log" >&2
  echo "tracking-server.sh: MLflow does not answer on port $port; its log is $place/mlflow.log" >&2
  return 1
}

start() {
  if [ "$(id -u)" = 0 ]; then
    echo "tracking-server.sh: PostgreSQL refuses to run as root; start it as another user" >&2
    exit 2
  fi
  for program in initdb psql mlflow; do
    if ! command -v "$program" > /dev/null; then
      echo "tracking-server.sh: $program is missing; on Debian and Ubuntu: apt-get install postgresql, pip install 'gantune[cluster]'" >&2
      exit 2
    fi
  done
  mkdir -p "$place"
  chmod 700 "$place"
  start_postgresql
  if [ "$(cat "$place/artifacts" 2> /dev/null)" != "$1" ]; then stop_mlflow; fi
  if ! mlflow_runs; then
    if mlflow_listens; then
      echo "tracking-server.sh: port $port is taken by a program that was not started here; end it, as MLflow needs that port" >&2
      exit 1
    fi
    case $1 in *://*) ;; *) mkdir -p "$1" ;; esac
    start_mlflow "$1"
  fi
  await_mlflow
}

stop_mlflow() {
  if mlflow_runs; then
    kill -- "-$(cat "$place/mlflow.pid")" # its workers are in its process group
    while mlflow_runs; do sleep 0.1; done
    for _ in {1..100}; do # they may hold the port a little longer
      if ! mlflow_listens; then break; fi
      sleep 0.1
    done
  fi
  rm -f "$place/mlflow.pid"
}

stop() {
  stop_mlflow
  if postgresql_answers; then pg_ctl stop --mode fast --wait --silent --pgdata "$place/data"; fi
}

case "${1:-} $#" in
  "start 2") start "$2" ;;
  "stop 1") stop ;;
  *)
    echo "usage: tracking-server.sh start ARTIFACTS | stop" >&2
    exit 2
    ;;
esac
