# shellcheck shell=bash
# Nightly runs on this machine, as the commands infra/night and infra/demo share them. Sourced after environments.sh.

share_spark() { # after use_jobs_environment: one Spark for every job that this command starts; ends with it
  SOCKETS=$(mktemp -d /tmp/shortlist.XXXXXX) # a socket's path is at most 107 bytes long
  trap 'end_groups; rm -rf "$SOCKETS"' EXIT
  begin_resident_spark "$SOCKETS/spark"
}

run_night() { # DAY: the DAG of that day, with one line for each task: its name as it starts, its seconds once it has ended
  local log=$LOGS/candidates_daily-$1.log line rest='' began=$SECONDS task='' code=0 ended=0
  : >"$log"
  begin_group "$log" "$INFRA/airflow" dags test candidates_daily "$1"
  exec 8<"$log"
  while :; do
    local alive=1
    kill -0 "$GROUP" 2>/dev/null || alive=0 # asked before reading, so that the last lines are read after it ended
    while IFS= read -r line <&8 || { rest+=$line && false; }; do
      line=$rest$line rest=''
      case $line in
        *'[DAG TEST] starting task_id='*)
          [[ -z $task ]] || echo # one that never ended
          began=$SECONDS task=${line#*task_id=}
          printf '[%3d s]       %-22s ' "$SECONDS" "${task%% *}"
          ;;
        *'[DAG TEST] end task task_id='*)
          ended=$((ended + 1))
          [[ -z $task ]] || printf '%3d s\n' "$((SECONDS - began))"
          task=''
          ;;
        *'FAILED '*"$1: "*)
          [[ -z $task ]] || echo
          task=''
          printf '[%3d s]       FAILED %s\n' "$SECONDS" "${line#*FAILED }" >&2
          ;;
      esac
    done
    ((alive)) || break
    sleep 0.5
  done
  exec 8<&-
  wait "$GROUP" || code=$?
  if ((code != 0)); then
    tail -n 30 "$log" | sed 's/^/    /' >&2
    # The failed job's own exit code, where its text has one.
    code=$(sed -n 's/.*(exit \([0-9]\{1,3\}\)).*/\1/p' "$log" | tail -n 1)
    refuse "${code:-5}" "the nightly run of $1 failed; the whole log is $log; next: mend what the FAILED line names, then run this again"
  fi
  ((ended)) || refuse 5 "the nightly run of $1 ran no task, though Airflow calls it a success; the whole log is $log; next: look there for what was skipped"
}
