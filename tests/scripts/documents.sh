# Here-documents, here-strings, arrays, arithmetic, patterns, printf, read, files and redirections.
name=reader
cat << END
Dear $name, $((6 * 7)) and $(echo nested "$(echo deeper)").
END
cat << 'END'
Literally $name
END
cat <<- END
	tabs are taken away
	END
tr a-z A-Z <<< "a string $name"
declare -A map=([one]=1 [two]=2 [three]=3)
for key in one two three; do printf '%-6s|%03d\n' "$key" "${map[$key]}"; done
words=(alpha beta gamma "delta epsilon")
echo "${#words[@]} ${words[-1]^^} ${words[0]/a/A} ${words[1]:1:2}"
folder=$(mktemp -d)
for i in {1..30}; do echo "line $i" > "$folder/$i"; done
cat "$folder"/1* | sort | cksum
exec 5> "$folder/five"
echo "to five" >&5
exec 5>&-
read -r line < "$folder/five" && echo "$line"
[[ $line =~ to\ (f[a-z]+) ]] && echo "${BASH_REMATCH[1]}"
function recurse { [ "$1" -le 1 ] && echo 1 || echo $(($1 * $(recurse $(($1 - 1))))); }
recurse 8
rm -r "$folder"
case "$name" in r*) echo "starts with r" ;; esac
echo "error output" >&2
