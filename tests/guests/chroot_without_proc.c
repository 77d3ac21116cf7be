// In a root directory without /proc, as sandboxes have it: descriptors listed by a directory opened before, by
// both calls; a program executed by its descriptor. Static, as there is no dynamic linker either.
#include "guest.h"
static void list(int directory, const char *path, long call) {
    int folder = openat(directory, path, O_RDONLY | O_DIRECTORY);
    CHECK(folder >= 0);
    char buffer[4096];
    long length, count = 0;
    uint64_t seen = 0;
    while ((length = syscall(call, folder, buffer, sizeof buffer)) > 0)
        for (long at = 0; at < length; at += *(unsigned short *)(buffer + at + 16)) {
            const char *name = buffer + at + (call == SYS_getdents ? 18 : 19);
            if (*name == '.') continue;
            count++;
            if (atoi(name) < 64) seen |= 1ull << atoi(name);
        }
    printf("%s: %ld entries, %lx\n", path, count, seen);
    close(folder);
}
int main(int count, char **arguments) {
    if (count == 2) {
        printf("executed %s\n", arguments[1]);
        return 5;
    }
    setvbuf(stdout, NULL, _IONBF, 0);
    int proc = open("/proc", O_RDONLY | O_DIRECTORY), self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    CHECK(proc >= 0 && self >= 0 && (mkdir("empty", 0755) == 0 || errno == EEXIST));
    if (unshare(CLONE_NEWUSER) != 0 || chroot("empty") != 0 || chdir("/") != 0) {
        printf("no chroot here: %s\n", strerror(errno));
        return 0;
    }
    CHECK(access("/proc", F_OK) == -1);
    list(proc, "self/fd", SYS_getdents64);
    list(proc, "self/fdinfo", SYS_getdents64);
    list(proc, "self/fd", SYS_getdents);
    list(proc, "self/task/../fd", SYS_getdents64);
    pid_t child = fork();
    if (child == 0) {
        char *again[] = {"again", "by a descriptor", NULL};
        syscall(SYS_execveat, self, "", again, environ, 0x1000);
        _exit(1);
    }
    printf("ended with %d\n", WEXITSTATUS(wait_status(child)));
    return 0;
}
