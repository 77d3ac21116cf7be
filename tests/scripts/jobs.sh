# Job control: background jobs, stop and continue, wait by number, disown, kill by job.
set -m
sleep 30 &
kill -STOP %1
until jobs | grep -q Stopped; do sleep 0.02; done
echo "stopped"
bg %1 > /dev/null
until jobs -r | grep -q sleep; do sleep 0.02; done
echo "running"
kill %1
wait %1 2> /dev/null
echo "killed: $?"
for i in 1 2 3 4; do (sleep "0.0$i"; exit "$i") & done
for job in %1 %2 %3 %4; do wait "$job" 2> /dev/null; echo "job $?"; done
(exit 7) &
wait $!
echo "last $?"
sleep 0.05 &
fg %% > /dev/null
echo "foreground $?"
