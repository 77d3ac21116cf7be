// `select` looks at no descriptor that the kernel's table of them has no room for, and the process is told how large that is.
#include "guest.h"
static unsigned char set[16384];

static void show(const char *when) {
    char line[256];
    FILE *status = fopen("/proc/self/status", "r");
    CHECK(status != NULL);
    while (fgets(line, sizeof line, status) != NULL)
        if (strncmp(line, "FDSize", 6) == 0) printf("%s: %s", when, line);
    fclose(status);
}

static void try(int count, int descriptor, int call) {
    struct timeval no_time = {0, 0};
    memset(set, 0, sizeof set);
    set[descriptor / 8] = 1 << descriptor % 8;
    errno = 0;
    long result = syscall(call, count, set, NULL, NULL, &no_time, NULL);
    printf("%d of %d: %ld %s, %s\n", descriptor, count, result, errno ? strerror(errno) : "", set[descriptor / 8] ? "kept" : "cleared");
}

static void several(void) {
    static const int counts[] = {1, 64, 65, 128, 257, 300, 512, 1000, 1024, 1025, 4096, 65536, -1};
    static const int descriptors[] = {5, 63, 64, 100, 250, 300, 511, 900, 1018, 1020, 1023, 1500, 5000};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        for (size_t j = 0; j < sizeof descriptors / sizeof *descriptors; j++)
            try(counts[i], descriptors[j], (i + j) % 2 ? SYS_select : SYS_pselect6);
}

int main(int argc, char **argv) {
    show("at first");
    several();
    if (argc > 1) return 0;
    CHECK(dup2(1, 200) == 200 && close(200) == 0);
    show("beyond 200");
    try(1024, 250, SYS_select), try(1024, 300, SYS_select);
    CHECK(fcntl(1, F_DUPFD, 700) == 700);
    show("beyond 700");
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        show("in a child");
        several();
        fflush(stdout);
        _exit(0);
    }
    CHECK(wait_status(child) == 0 && close(700) == 0);
    if ((child = fork()) == 0) {
        show("in another one");
        fflush(stdout);
        _exit(0);
    }
    CHECK(wait_status(child) == 0);
    // Never mind what lies behind the sets.
    char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED && munmap(pages + 4096, 4096) == 0);
    struct timeval no_time = {0, 0};
    CHECK(syscall(SYS_select, 1 << 30, pages + 4096 - 128, NULL, NULL, &no_time) == 0);
    printf("the same program again\n"), fflush(stdout);
    execl("/proc/self/exe", argv[0], "again", NULL);
    return 1;
}
