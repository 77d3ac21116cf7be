# RabbitMQ: a server on the Erlang machine, asked by its own tools, which are Erlang programs, too.
set -u
base=$((20000 + $$ % 12000))
export HOME=$PWD RABBITMQ_NODENAME=recorded@localhost RABBITMQ_BASE=$PWD RABBITMQ_MNESIA_BASE=$PWD/mnesia
export RABBITMQ_LOG_BASE=$PWD/log RABBITMQ_PID_FILE=$PWD/pid RABBITMQ_ENABLED_PLUGINS_FILE=$PWD/plugins
export ERL_EPMD_PORT=$base RABBITMQ_DIST_PORT=$((base + 1)) RABBITMQ_NODE_PORT=$((base + 2))
export PATH=/usr/lib/rabbitmq/bin:$PATH
mkdir -p mnesia log
echo '[].' >plugins
rabbitmq-server >started.txt 2>&1 &
server=$!
for ((i = 0; i < 100; i++)); do
    rabbitmqctl await_startup --timeout 300 >/dev/null 2>&1 && break
    kill -0 "$server" || break
    sleep 1
done
rabbitmqctl eval 'lists:sum(lists:seq(1, 100)).'
rabbitmqctl --silent list_queues
/usr/bin/python3 "$(dirname "$0")/publish.py" "$RABBITMQ_NODE_PORT"
rabbitmqctl stop >/dev/null 2>&1
wait "$server"
epmd -kill >/dev/null 2>&1
echo end
