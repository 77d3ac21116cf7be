# A MariaDB server that is installed, started, asked and stopped.
set -u
data=$PWD/data place=$PWD/socket
export HOME=$PWD
mariadb-install-db --no-defaults --datadir="$data" --auth-root-authentication-method=normal --skip-test-db \
    >install.txt 2>&1 || { tail -5 install.txt; exit 1; }
mariadbd --no-defaults --datadir="$data" --socket="$place" --skip-networking --pid-file="$PWD/pid" \
    --innodb-buffer-pool-size=64M >log 2>&1 &
ask() { mariadb --no-defaults --socket="$place" -u root -N -e "$1"; }
for ((i = 0; i < 1200; i++)); do ask 'select 1' >/dev/null 2>&1 && break; sleep 0.1; done
ask 'create database d; use d; create table t (id int primary key, v double, name varchar(30), key (name)) engine = innodb;
    insert into t select seq, seq * 0.37, concat("n", seq * 7919 % 10007) from seq_1_to_20000;
    select count(*), sum(v) from t; select name, count(*) c from t group by name order by c desc, name limit 5;
    update t set v = v + 1 where id % 3 = 0; begin; delete from t where id % 7 = 0; rollback;
    select round(sum(v), 3) from t;'
mariadb-dump --no-defaults --socket="$place" -u root --skip-dump-date --compact d | md5sum
mariadb-admin --no-defaults --socket="$place" -u root shutdown
wait
