// Filters go with fork, vfork, new threads and new images, and what /proc tells of them is the kernel's.
#include "filters.h"
#include <pthread.h>
static void status(const char *who) {
    char line[256];
    FILE *file = fopen("/proc/self/status", "r");
    CHECK(file != NULL);
    while (fgets(line, sizeof line, file))
        if (!strncmp(line, "NoNewPrivs", 10) || !strncmp(line, "Seccomp", 7)) printf("%s %s", who, line);
    fclose(file);
}
static void *in_thread(void *unused) {
    (void)unused;
    printf("thread %ld\n", raw(SYS_getuid, 0, 0, 0));
    PROGRAM(more, LOAD(nr), IF(SYS_getgid), ANSWER(SECCOMP_RET_ERRNO | 12), ANSWER(SECCOMP_RET_ALLOW));
    CHECK(install(&more, 0) == 0);
    printf("its own %ld\n", raw(SYS_getgid, 0, 0, 0));
    return NULL;
}
int main(int count, char **arguments) {
    if (count > 1) {
        printf("image %s %ld %ld\n", arguments[1], raw(SYS_getuid, 0, 0, 0), raw(SYS_getgid, 0, 0, 0));
        status(arguments[1]);
        return 0;
    }
    status("before");
    PROGRAM(program, LOAD(nr), IF(SYS_getuid), ANSWER(SECCOMP_RET_ERRNO | 11), ANSWER(SECCOMP_RET_ALLOW));
    no_new_privileges();
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
    status("after");
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, in_thread, NULL) == 0 && pthread_join(thread, NULL) == 0);
    CHECK(raw(SYS_getgid, 0, 0, 0) >= 0);
    fflush(stdout);
    CHECK(ENDING(printf("child %ld\n", raw(SYS_getuid, 0, 0, 0)); fflush(stdout)) == 0);
    CHECK(ENDING(execl("/proc/self/exe", arguments[0], "forked", NULL)) == 0);
    char *forms[] = {arguments[0], "spawned", NULL};
    pid_t child;
    CHECK(posix_spawn(&child, "/proc/self/exe", NULL, NULL, forms, environ) == 0 && wait_status(child) == 0);
    execl("/proc/self/exe", arguments[0], "last", NULL);
    return 1;
}
