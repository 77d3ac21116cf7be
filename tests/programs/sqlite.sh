# Two processes write to one SQLite database through its write-ahead log, which both have mapped.
set -u
settings='pragma busy_timeout = 60000; pragma mmap_size = 268435456;'
ask() { sqlite3 rows.db "$settings $1"; }
ask 'pragma journal_mode = wal; create table t (i integer primary key, s text);
    with recursive n (i) as (select 1 union all select i + 1 from n where i < 20000) insert into t select i, hex(i * 7919) from n;
    select count(*), max(s) from t;'
(for i in 1 2 3 4 5; do ask "update t set s = s || 'x' where i <= 20000 and i % 5 = $i - 1" >/dev/null; done) &
(for i in 1 2 3 4 5; do ask "insert into t (s) values ('y$i')" >/dev/null; done) &
wait
ask 'select count(*), sum(length(s)) from t; pragma integrity_check;'
