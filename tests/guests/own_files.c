// /proc/self tells about the program, not about the recorder: exe, comm, cmdline, environ, auxv.
#include "guest.h"
#include <sys/prctl.h>
static size_t slurp(const char *path, char *into, size_t size) {
    int file = open(path, O_RDONLY);
    CHECK(file >= 0);
    size_t have = 0;
    ssize_t got;
    while ((got = read(file, into + have, size - have)) > 0) have += (size_t)got;
    close(file);
    return have;
}
int main(int argc, char **argv) {
    char path[PATH_MAX] = {0}, comm[16] = {0}, text[65536];
    CHECK(argc == 2 && readlink("/proc/self/exe", path, sizeof path - 1) > 0);
    printf("exe ends with own_files: %d\n", strcmp(strrchr(path, '/'), "/own_files") == 0);
    snprintf(text, sizeof text, "/proc/%d/exe", getpid());
    CHECK(readlink(text, path, sizeof path - 1) > 0 && strstr(path, "own_files"));
    CHECK(prctl(PR_GET_NAME, comm) == 0);
    printf("comm %s\n", comm);
    size_t size = slurp("/proc/self/comm", text, sizeof text);
    printf("comm file %.*s", (int)size, text);
    size = slurp("/proc/self/cmdline", text, sizeof text);
    CHECK(size == strlen(argv[0]) + strlen(argv[1]) + 2 && memcmp(text, argv[0], strlen(argv[0])) == 0);
    size = slurp("/proc/self/environ", text, sizeof text);
    CHECK(memmem(text, size, "REENACT_SLOT", 12) == NULL && getenv("REENACT_SLOT") == NULL);
    for (char **variable = environ; *variable; variable++)
        CHECK(memmem(text, size, *variable, strlen(*variable) + 1));
    struct stat by_link, by_name;
    CHECK(stat("/proc/self/exe", &by_link) == 0 && stat(path, &by_name) == 0);
    CHECK(by_link.st_ino == by_name.st_ino);
    size = slurp("/proc/self/exe", text, 4);
    printf("magic %d %.3s\n", text[0], text + 1);
    return 0;
}
