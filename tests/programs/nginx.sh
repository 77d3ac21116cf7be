# nginx with two workers, asked by curl over TLS on a local socket.
set -u
mkdir logs
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out certificate.pem -subj /CN=localhost -days 2 2>/dev/null
seq 5000 >index.html
chmod -R a+rX .
cat >conf <<END
worker_processes 2; pid $PWD/pid; error_log $PWD/logs/errors; events {}
http {
    access_log off; sendfile on;
    client_body_temp_path logs; proxy_temp_path logs; fastcgi_temp_path logs; uwsgi_temp_path logs; scgi_temp_path logs;
    server {
        listen unix:$PWD/socket ssl; ssl_certificate $PWD/certificate.pem; ssl_certificate_key $PWD/key.pem; root $PWD;
    }
}
END
[ "$(id -u)" != 0 ] || echo "user root;" >>conf
nginx -c "$PWD/conf" -e "$PWD/logs/start"
get() { curl --silent --insecure --unix-socket socket "$@"; }
for i in 1 2 3 4; do get https://localhost/ | md5sum; done
get --output /dev/null --write-out '%{http_code}\n' https://localhost/nothing
kill "$(cat pid)"
for ((i = 0; i < 600; i++)); do [ -e pid ] || break; sleep 0.1; done
[ ! -e pid ] && echo end
