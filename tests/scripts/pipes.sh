# Pipes of many programs, substitutions, loops that read, and exit statuses of each part.
set -u
seq 1 2000 | awk '{ s += $1 * NR } END { print s }'
printf 'b\na\nc\n' | sort | tr 'a-c' 'x-z' | while read -r line; do echo "<$line>"; done
false | true | (exit 3) | true
echo "statuses ${PIPESTATUS[*]}"
diff <(seq 1 10) <(seq 2 11)
echo "diff $?"
count=0
while read -r word; do count=$((count + ${#word})); done < <(seq 1 500 | sed 's/^/number-/')
echo "$count"
x=$(echo one; echo two | cat | cat | cat)
echo "$x" | tee >(wc -l >&2) | rev
set -o pipefail
seq 1 100000 | head -n 3
echo "head $?"
coproc upper { tr a-z A-Z; }
# Its descriptors are closed as soon as it has ended.
exec 7<&"${upper[0]}"
echo "through a coprocess" >&"${upper[1]}"
eval "exec ${upper[1]}>&-"
cat <&7
wait
