// Filters for all threads at once, and which thread keeps that from being done.
#include "filters.h"
#include <pthread.h>
static int ready[2], go[2];
static pid_t own_tid;
static struct sock_fprog *first;
static void *waits(void *differs) {
    char byte = 1;
    own_tid = (pid_t)raw(SYS_gettid, 0, 0, 0);
    if (differs) CHECK(install(first, 0) == 0);
    CHECK(write(ready[1], &byte, 1) == 1 && read(go[0], &byte, 1) == 1);
    return (void *)raw(SYS_getuid, 0, 0, 0);
}
static long round_of(int differs, unsigned flags, struct sock_fprog *program) {
    pthread_t thread;
    void *result;
    char byte;
    CHECK(pthread_create(&thread, NULL, waits, (void *)(long)differs) == 0 && read(ready[0], &byte, 1) == 1);
    long installed = install(program, flags);
    printf("%s: ", installed == own_tid ? "that thread" : installed < 0 ? "refused" : "all");
    CHECK(write(go[1], &byte, 1) == 1 && pthread_join(thread, &result) == 0);
    printf("it sees %ld, this one %ld\n", (long)result < 0 ? (long)result : 0, raw(SYS_getuid, 0, 0, 0) < 0 ? raw(SYS_getuid, 0, 0, 0) : 0);
    return installed;
}
int main(void) {
    PROGRAM(allow, ANSWER(SECCOMP_RET_ALLOW));
    PROGRAM(one, LOAD(nr), IF(SYS_getuid), ANSWER(SECCOMP_RET_ERRNO | 21), ANSWER(SECCOMP_RET_ALLOW));
    PROGRAM(two, LOAD(nr), IF(SYS_getuid), ANSWER(SECCOMP_RET_ERRNO | 22), ANSWER(SECCOMP_RET_ALLOW));
    first = &allow;
    CHECK(pipe(ready) == 0 && pipe(go) == 0);
    no_new_privileges();
    CHECK(round_of(1, SECCOMP_FILTER_FLAG_TSYNC, &one) > 0);
    CHECK(round_of(1, SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH, &one) == -ESRCH);
    CHECK(round_of(0, SECCOMP_FILTER_FLAG_TSYNC, &one) == 0);
    CHECK(round_of(0, 0, &two) == 0);
    CHECK(round_of(0, SECCOMP_FILTER_FLAG_TSYNC, &two) == 0);
    return 0;
}
