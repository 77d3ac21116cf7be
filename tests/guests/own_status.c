// What /proc says of the process's own signals, descriptors and filters is what the program has done, whichever path leads there.
#include "guest.h"
#include <pthread.h>
#include <sys/prctl.h>

static void show(const char *path) {
    static const char *const names[] = {"FDSize", "SigBlk", "SigIgn", "SigCgt", "SigPnd", "NoNewPrivs", "Seccomp", "Threads", "TracerPid"};
    char line[256];
    FILE *status = fopen(path, "r");
    CHECK(status != NULL);
    while (fgets(line, sizeof line, status) != NULL)
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (strncmp(line, names[i], strlen(names[i])) == 0) fputs(line, stdout);
    fclose(status);
}

static void handler(int number) { (void)number; }

static void *body(void *argument) {
    char path[64];
    sigset_t set;
    sigfillset(&set);
    CHECK(pthread_sigmask(SIG_SETMASK, &set, NULL) == 0);
    show("/proc/thread-self/status");
    snprintf(path, sizeof path, "/proc/self/task/%ld/status", syscall(SYS_gettid));
    show(path);
    return argument;
}

int main(void) {
    char path[64], start[16] = "";
    sigset_t set;
    show("/proc/self/status");
    for (int number = 1; number < 32; number += 3) signal(number, handler);
    signal(SIGUSR2, SIG_IGN), signal(SIGFPE, SIG_IGN), signal(SIGSYS, handler), signal(SIGRTMAX, handler);
    sigemptyset(&set);
    sigaddset(&set, SIGSYS), sigaddset(&set, SIGSEGV), sigaddset(&set, SIGTERM), sigaddset(&set, SIGRTMIN + 3);
    CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    show("/proc/self/status");
    signal(SIGTERM, SIG_DFL);
    CHECK(raise(SIGTERM) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    snprintf(path, sizeof path, "/proc/%d/status", getpid());
    show(path);
    int directory = open("/proc/self", O_DIRECTORY | O_RDONLY), file = openat(directory, "status", O_RDONLY);
    CHECK(read(file, start, 5) == 5 && strcmp(start, "Name:") == 0 && lseek(file, 0, SEEK_CUR) == 5);
    // One that only names the file stays what it is.
    int named = open("/proc/self/status", O_PATH);
    char again[64];
    snprintf(again, sizeof again, "/proc/self/fd/%d", named);
    CHECK(named >= 0 && read(named, start, 1) == -1 && errno == EBADF);
    CHECK((file = open(again, O_RDONLY)) >= 0 && read(file, start, 5) == 5 && strcmp(start, "Name:") == 0);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, body, NULL) == 0 && pthread_join(thread, NULL) == 0);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        show("/proc/self/status");
        fflush(stdout);
        _exit(0);
    }
    CHECK(wait_status(child) == 0);
    return 0;
}
