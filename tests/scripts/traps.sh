# Traps: signals to oneself, from a child, EXIT, ERR, DEBUG count, and interrupting a wait.
trap 'echo "usr1 caught"' USR1
trap 'echo "usr2 caught"; waited=1' USR2
trap 'echo "leaving with $?"' EXIT
kill -USR1 $$
kill -USR1 $$ && echo after
(sleep 0.1; kill -USR2 $$) &
while [ -z "$waited" ]; do wait || true; done
wait
trap '' TERM
kill -TERM $$ && echo "ignored"
trap - TERM
(trap 'echo child; exit 5' TERM; kill -TERM "$BASHPID"; sleep 5)
echo "child ended with $?"
set -E
trap 'echo "error on $LINENO"' ERR
false
trap - ERR
bash -c 'kill -SEGV $$'
echo "crash $?"
exit 4
