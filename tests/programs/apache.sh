# Apache with its event module, asked by curl.
set -u
mkdir logs pages
seq 3000 >pages/index.html
modules=/usr/lib/apache2/modules port=$((20000 + $$ % 12000))
cat >conf <<END
ServerRoot $PWD
Listen 127.0.0.1:$port
ServerName localhost
PidFile $PWD/pid
ErrorLog $PWD/logs/errors
LoadModule mpm_event_module $modules/mod_mpm_event.so
LoadModule authz_core_module $modules/mod_authz_core.so
LoadModule dir_module $modules/mod_dir.so
StartServers 2
DocumentRoot $PWD/pages
END
[ "$(id -u)" != 0 ] || printf 'User www-data\nGroup www-data\n' >>conf
chmod -R a+rX .
apache2 -f "$PWD/conf"
for ((i = 0; i < 600; i++)); do curl --silent --output /dev/null "http://127.0.0.1:$port/" && break; sleep 0.1; done
for i in 1 2 3 4 5; do curl --silent "http://127.0.0.1:$port/" | md5sum; done
apache2 -f "$PWD/conf" -k stop
for ((i = 0; i < 600; i++)); do [ -e pid ] || break; sleep 0.1; done
[ ! -e pid ] && echo end
