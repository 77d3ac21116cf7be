# redis-server with threads for its connections, which spin, and with a file of its commands.
set -u
redis-server --port 0 --unixsocket "$PWD/socket" --save '' --appendonly yes --io-threads 3 --io-threads-do-reads yes >log &
ask() { redis-cli -s socket "$@"; }
for ((i = 0; i < 600; i++)); do [ "$(ask ping 2>/dev/null)" = PONG ] && break; sleep 0.1; done
redis-benchmark -s "$PWD/socket" -n "$1" -c 20 -P 4 -q -t set,incr >/dev/null
ask get counter:__rand_int__
ask bgrewriteaof >/dev/null
ask dbsize
ask shutdown
wait
