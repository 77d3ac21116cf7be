# One of several servers on a local socket, asked by its own client or by curl, and stopped: ./small_servers.sh NAME
set -u
await() { for ((i = 0; i < 600; i++)); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done; }
gone() { for ((i = 0; i < 600; i++)); do kill -0 "$1" 2>/dev/null || return; sleep 0.1; done; }
get() { curl --silent --unix-socket socket http://localhost/; }
case $1 in
mosquitto)
    printf 'listener 0 %s/socket\nallow_anonymous true\n' "$PWD" >conf
    mosquitto -c conf >log 2>&1 &
    server=$!
    await mosquitto_pub --unix socket -t ready -m yes
    mosquitto_pub --unix socket -t kept -m message -r
    mosquitto_sub --unix socket -t kept -C 1
    ;;
haproxy)
    printf '%s\n' global ' nbthread 2' defaults ' mode http' ' timeout client 5s' ' timeout connect 5s' ' timeout server 5s' \
        'frontend f' " bind unix@$PWD/socket" ' http-request return status 200 content-type text/plain string hello' >conf
    haproxy -f conf >log 2>&1 &
    server=$!
    await get
    get
    ;;
esac
kill "$server"
gone "$server"
wait
echo end
