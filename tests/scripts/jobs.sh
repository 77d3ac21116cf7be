# Job control: background jobs, stop and continue, wait by number, kill by job, foreground.
# A job may be over before the next command: only its process number is remembered then.
set -m
sleep 30 &
sleeper=$!
kill -STOP %1
until jobs | grep -q Stopped; do sleep 0.02; done
echo "stopped"
bg %1 > /dev/null
until jobs -r | grep -q sleep; do sleep 0.02; done
echo "running"
{ kill %1; wait "$sleeper"; } 2> /dev/null
echo "killed: $?"
jobs=()
for i in 1 2 3 4; do
    (sleep "0.0$i"; exit "$i") &
    jobs+=($!)
done
for job in "${jobs[@]}"; do wait "$job" 2> /dev/null; echo "job $?"; done
(exit 7) &
wait $!
echo "last $?"
(kill -STOP "$BASHPID"; exit 8) &
until jobs | grep -q Stopped; do sleep 0.02; done
fg %% > /dev/null
echo "foreground $?"
