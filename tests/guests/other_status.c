// What /proc tells of a child: its handlers, what it ignores and blocks, room for descriptors, limits, and where its code is.
#include "guest.h"
extern char etext, edata, __executable_start;
static void handler(int number) { (void)number; }
static void lines(pid_t pid, const char *file) {
    static const char *wanted[] = {"FDSize", "SigPnd", "SigBlk", "SigIgn", "SigCgt", "NoNewPrivs", "Seccomp", "Max data", "Max file size"};
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
    FILE *status = fopen(path, "r");
    CHECK(status);
    while (fgets(line, sizeof line, status))
        for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
            if (strncmp(line, wanted[i], strlen(wanted[i])) == 0) printf("%s: %s", file, line);
    fclose(status);
}
static void fields(pid_t pid) {
    char path[64], text[4096] = {0};
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int file = open(path, O_RDONLY);
    CHECK(read(file, text, sizeof text - 1) > 0 && close(file) == 0);
    int number = 3;
    uintptr_t code = (uintptr_t)&etext, data = (uintptr_t)&edata, start = (uintptr_t)&__executable_start;
    for (char *field = strtok(strrchr(text, ')') + 4, " "); field; field = strtok(NULL, " ")) {
        unsigned long value = strtoul(field, NULL, 10);
        number++;
        if (number == 26) printf("code begins %d\n", value > start && value < code);
        if (number == 27) printf("code ends %d\n", value >= code && value < code + 4096);
        if (number == 45) printf("data begins %d\n", value > code && value < data);
        if (number == 46) printf("data ends %d\n", value >= data && value < data + 4096);
        if (number >= 31 && number <= 34) printf("field %d: %lu\n", number, value);
    }
}
int main(void) {
    int ready[2], done[2];
    char byte;
    sigset_t set;
    CHECK(pipe(ready) == 0 && pipe(done) == 0);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGUSR1, handler), signal(SIGINT, SIG_IGN), signal(SIGRTMIN + 3, handler);
        CHECK(sigemptyset(&set) == 0 && sigaddset(&set, SIGTERM) == 0 && sigaddset(&set, SIGUSR2) == 0);
        CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0 && raise(SIGUSR2) == 0);
        CHECK(setrlimit(RLIMIT_DATA, &(struct rlimit){1L << 30, 2L << 30}) == 0);
        CHECK(setrlimit(RLIMIT_FSIZE, &(struct rlimit){3 << 20, 4 << 20}) == 0);
        CHECK(dup2(1, 300) == 300 && write(ready[1], "x", 1) == 1 && read(done[0], &byte, 1) == 1);
        _exit(0);
    }
    CHECK(read(ready[0], &byte, 1) == 1);
    lines(child, "status"), lines(child, "limits"), fields(child), fields(getpid());
    CHECK(write(done[1], "x", 1) == 1 && wait_status(child) == 0);
    return 0;
}
