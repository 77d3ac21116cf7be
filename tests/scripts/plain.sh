# What any POSIX shell can do (run by dash and by busybox).
i=0
while [ $i -lt 200 ]; do i=$((i + 1)); x="$x$i"; done
echo "${#x}"
echo "one two three" | { read -r a b; echo "$b $a"; }
for f in /etc/passwd /etc/group; do wc -l < "$f" > /dev/null && echo "$f"; done
trap 'echo caught' USR1
kill -USR1 $$
(exit 3); echo $?
cat << END | sed 's/e/E/g' | sort -r
here
there
END
f() { [ "$1" -eq 0 ] || { printf '%d ' "$1"; f $(($1 - 1)); }; }
f 10; echo
test -d /tmp -a ! -f /tmp && echo directory
set -- a b c; shift; echo "$# $*"
sleep 0.01 & wait; echo "waited $?"
