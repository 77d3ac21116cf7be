// A program that executes itself ten times over; the pid stays, memory and handlers do not.
#include "guest.h"
static int counter;
static void handler(int number) { (void)number; }
int main(int argc, char **argv) {
    int left = argc > 1 ? atoi(argv[1]) : 10;
    pid_t first = argc > 2 ? atoi(argv[2]) : getpid();
    CHECK(first == getpid() && counter == 0);
    struct sigaction old;
    CHECK(sigaction(SIGUSR1, NULL, &old) == 0 && old.sa_handler == SIG_DFL);
    CHECK(sigaction(SIGUSR2, NULL, &old) == 0 && old.sa_handler == (argc > 1 ? SIG_IGN : SIG_DFL));
    printf("%d left, LEFT=%s\n", left, getenv("LEFT") ? getenv("LEFT") : "unset");
    fflush(stdout);
    if (left == 0) return 11;
    counter = 1;
    signal(SIGUSR1, handler);
    signal(SIGUSR2, SIG_IGN);
    CHECK(fcntl(open("/dev/null", O_RDONLY), F_SETFD, FD_CLOEXEC) == 0);
    CHECK(open("/dev/null", O_RDONLY) == 4 && close(4) == 0);
    char number[16], pid[16];
    snprintf(number, sizeof number, "%d", left - 1);
    snprintf(pid, sizeof pid, "%d", (int)first);
    setenv("LEFT", number, 1);
    execl("/proc/self/exe", argv[0], number, pid, NULL);
    CHECK(!"reached");
}
