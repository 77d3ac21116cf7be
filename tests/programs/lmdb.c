// Two processes write to one LMDB database, with a writable map if there is an argument; then it is read.
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
static void check(int status, const char *what) {
    if (status == 0) return;
    fprintf(stderr, "%s: %s\n", what, mdb_strerror(status));
    exit(1);
}
static MDB_env *open_database(unsigned flags) {
    MDB_env *database;
    check(mdb_env_create(&database), "create");
    check(mdb_env_set_mapsize(database, 16 << 20), "size");
    check(mdb_env_open(database, ".", flags, 0644), "open");
    return database;
}
static void write_all(unsigned flags, int half) {
    MDB_env *database = open_database(flags);
    for (int turn = 0; turn < 20; turn++) {
        MDB_txn *transaction;
        MDB_dbi table;
        check(mdb_txn_begin(database, NULL, 0, &transaction), "begin");
        check(mdb_dbi_open(transaction, NULL, 0, &table), "table");
        for (int i = 0; i < 50; i++) {
            char key[20], value[50];
            snprintf(key, sizeof key, "key %d", (turn * 50 + i) * 2 + half);
            snprintf(value, sizeof value, "value %d of %d", i * 7919 % 1009, turn);
            MDB_val k = {strlen(key), key}, v = {strlen(value), value};
            check(mdb_put(transaction, table, &k, &v, 0), "put");
        }
        check(mdb_txn_commit(transaction), "commit");
    }
    mdb_env_close(database);
}
int main(int argc, char **argv) {
    (void)argv;
    unsigned flags = argc > 1 ? MDB_WRITEMAP : 0;
    for (int half = 0; half < 2; half++) {
        if (fork() == 0) {
            write_all(flags, half);
            _exit(0);
        }
    }
    while (wait(NULL) > 0) continue;
    MDB_env *database = open_database(MDB_RDONLY);
    MDB_txn *transaction;
    MDB_dbi table;
    MDB_cursor *cursor;
    MDB_val key, value;
    check(mdb_txn_begin(database, NULL, MDB_RDONLY, &transaction), "begin");
    check(mdb_dbi_open(transaction, NULL, 0, &table), "table");
    check(mdb_cursor_open(transaction, table, &cursor), "cursor");
    unsigned long sum = 0;
    int count = 0;
    for (; mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0; count++)
        for (size_t i = 0; i < value.mv_size; i++) sum = sum * 31 + ((unsigned char *)value.mv_data)[i];
    printf("%d %lx\n", count, sum);
    return 0;
}
