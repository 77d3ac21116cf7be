// A limit of file sizes is the program's own: what it writes meets it, what the recorder keeps does not.
#include "guest.h"
static void show(void) {
    char line[200];
    FILE *file = fopen("/proc/self/limits", "r");
    while (file && fgets(line, sizeof line, file))
        if (strstr(line, "file size") || strstr(line, "address space")) fputs(line, stdout);
    CHECK(file && fclose(file) == 0);
}
static volatile sig_atomic_t caught;
static void handler(int number) { caught = number; }
int main(int count, char **arguments) {
    struct rlimit limit;
    if (count > 1) {
        CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0);
        printf("executed with %llu %llu\n", (long long)limit.rlim_cur, (long long)limit.rlim_max);
        show();
        fflush(stdout);
        execl("/bin/true", "true", NULL);
        _exit(9);
    }
    limit = (struct rlimit){300 << 20, 400 << 20};
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    show();
    limit = (struct rlimit){1 << 16, 200 << 20};
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    show();
    int file = memfd_create("file", 0);
    signal(SIGXFSZ, handler);
    printf("write %zd, signal %d\n", pwrite(file, "0123456789", 10, (1 << 16) - 3), caught);
    int written = pwrite(file, "x", 1, 1 << 16);
    printf("write %d %d, signal %d\n", written, errno, caught);
    written = ftruncate(file, (1 << 16) + 1);
    printf("truncate %d %d, signal %d\n", written, errno, caught);
    signal(SIGXFSZ, SIG_DFL);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        pwrite(file, "x", 1, 1 << 16);
        _exit(0);
    }
    printf("child %d\n", wait_status(child));
    fflush(stdout);
    child = fork();
    if (child == 0) {
        // Nothing at all may be written.
        char byte;
        limit.rlim_cur = 0;
        CHECK(prlimit(0, RLIMIT_FSIZE, &limit, NULL) == 0);
        CHECK(read(open("/proc/self/status", O_RDONLY), &byte, 1) == 1 && read(open("/proc/self/maps", O_RDONLY), &byte, 1) == 1);
        CHECK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, open(arguments[0], O_RDONLY), 0) != MAP_FAILED);
        execl("/bin/true", "true", NULL);
    }
    printf("another %d\n", wait_status(child));
    fflush(stdout);
    execl(arguments[0], arguments[0], "again", NULL);
    return 9;
}
