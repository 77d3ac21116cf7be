// A program that keeps itself from files by Landlock, and then maps, executes, forks, makes threads that compute, and
// is interrupted, as before.
#include "guest.h"
#include <linux/landlock.h>
#include <pthread.h>
#include <sys/prctl.h>
#define READ (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define HANDLED (READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG)
static int ruleset;
static void allow(const char *path, uint64_t access) {
    struct landlock_path_beneath_attr rule = {access, open(path, O_PATH | O_CLOEXEC)};
    if (rule.parent_fd < 0) return;
    CHECK(syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0);
    close(rule.parent_fd);
}
static void try(const char *path, int flags) {
    int file = open(path, flags, 0600);
    printf("%s: %s\n", path, file < 0 ? strerror(errno) : "open");
    if (file >= 0) close(file);
}
static volatile unsigned long sum, rounds;
static volatile int is_over;
static void *computes(void *step) {
    while (!is_over) sum += (unsigned long)step, rounds++;
    return NULL;
}
static void on_alarm(int number, siginfo_t *info, void *context) {
    (void)number, (void)info, (void)context;
    is_over = 1;
}
int main(int count, char **arguments) {
    if (count > 1) {
        printf("image %s\n", arguments[1]);
        try("/etc/passwd", O_RDONLY);
        return 0;
    }
    int version = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    printf("version %d\n", version < 0 ? -errno : 1);
    if (version < 0) return 0;
    FILE *here = fopen("data", "w");
    for (int i = 0; i < 3000; i++) fprintf(here, "line %d\n", i);
    fclose(here);
    struct landlock_ruleset_attr attributes = {.handled_access_fs = HANDLED};
    ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes.handled_access_fs, 0);
    CHECK(ruleset >= 0);
    allow("/lib", READ);
    allow("/lib64", READ);
    allow("/usr", READ);
    allow(".", READ);
    char own[PATH_MAX] = "";
    CHECK(readlink("/proc/self/exe", own, sizeof own - 1) > 0);
    allow(own, LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE);
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(syscall(SYS_landlock_restrict_self, ruleset, 1u << 20) == -1 && errno == EINVAL);
    CHECK(syscall(SYS_landlock_restrict_self, ruleset, 0) == 0);
    try("/etc/passwd", O_RDONLY);
    try("/proc/self/status", O_RDONLY);
    try("/proc/self/maps", O_RDONLY);
    try("made", O_WRONLY | O_CREAT);
    try("data", O_WRONLY);
    try("data", O_RDONLY);
    // Mapped after the fact, privately and shared; a file that no other process has mapped.
    int data = open("data", O_RDONLY);
    char *mapped = mmap(NULL, 20000, PROT_READ | PROT_WRITE, MAP_PRIVATE, data, 0);
    CHECK(mapped != MAP_FAILED);
    printf("%.6s %lx\n", mapped, (unsigned long)hash_bytes(mapped, 20000));
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        execl(own, arguments[0], "forked", NULL);
        _exit(9);
    }
    CHECK(wait_status(child) == 0);
    char *forms[] = {arguments[0], "spawned", NULL};
    CHECK(posix_spawn(&child, own, NULL, NULL, forms, environ) == 0 && wait_status(child) == 0);
    char *shell[] = {"sh", "-c", "echo shell; cat data | tail -n 1; cat /etc/hostname || echo kept", NULL};
    CHECK(posix_spawn(&child, "/bin/sh", NULL, NULL, shell, environ) == 0 && wait_status(child) == 0);
    pthread_t threads[2];
    on_signal(SIGALRM, on_alarm, 0);
    for (long i = 0; i < 2; i++) CHECK(pthread_create(&threads[i], NULL, computes, (void *)(i + 1)) == 0);
    ualarm(300000, 0);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    fprintf(stderr, "%lu %lu\n", sum, rounds);
    execl(own, arguments[0], "last", NULL);
    return 1;
}
