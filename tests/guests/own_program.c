// What /proc/self/exe leads to when the program's path does not lead to it any more: renamed, replaced, unlinked, never
// there; and executing it again.
#include "guest.h"
#include <sys/prctl.h>
static void show(const char *when) {
    char link[PATH_MAX] = "", name[17] = "", magic[4];
    struct stat status;
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    CHECK(file >= 0 && read(file, magic, 4) == 4 && memcmp(magic, "\177ELF", 4) == 0);
    CHECK(readlink("/proc/self/exe", link, sizeof link - 1) > 0 && prctl(PR_GET_NAME, name) == 0);
    char *last = strrchr(link, '/');
    CHECK(stat("/proc/self/exe", &status) == 0 && access("/proc/self/exe", X_OK) == 0);
    printf("%s: %s, links %d, seals %d, name %s\n", when, last, (int)status.st_nlink, fcntl(file, F_GET_SEALS), name);
    fflush(stdout);
    close(file);
}
static void copy_to(int to) {
    char buffer[65536];
    int from = open("/proc/self/exe", O_RDONLY);
    for (ssize_t length; (length = read(from, buffer, sizeof buffer)) > 0;) CHECK(write(to, buffer, (size_t)length) == length);
    close(from);
    close(to);
}
int main(int count, char **arguments) {
    const char *stage = count > 1 ? arguments[1] : "first";
    show(stage);
    if (!strcmp(stage, "first")) {
        copy_to(open("copy", O_WRONLY | O_CREAT | O_TRUNC, 0700));
        execl("./copy", "copy", "copied", NULL);
    } else if (!strcmp(stage, "copied")) {
        CHECK(rename("copy", "other") == 0);
        show("renamed");
        CHECK(close(open("copy", O_WRONLY | O_CREAT, 0600)) == 0);
        show("replaced");
        CHECK(unlink("other") == 0 && unlink("copy") == 0);
        show("unlinked");
        pid_t child = fork();
        if (child == 0) {
            show("in a child");
            execl("/proc/self/exe", "again", "again", NULL);
        }
        CHECK(wait_status(child) == 0);
        int memory = memfd_create("memory program", MFD_ALLOW_SEALING);
        copy_to(dup(memory));
        CHECK(fcntl(memory, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0);
        fexecve(memory, (char *[]){"memory", "memory", NULL}, environ);
    } else if (!strcmp(stage, "memory")) {
        char name[32];
        snprintf(name, sizeof name, "/proc/%d/exe", getpid());
        execl(name, "once more", "last", NULL);
    } else {
        return 0;
    }
    return 1;
}
