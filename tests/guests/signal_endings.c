// Signals left to their default action end children in the middle of computation, in calls that wait, and not at all.
#include "guest.h"
static volatile unsigned long steps;
static void end(const char *what, int number, void (*body)(void)) {
    int ready[2];
    CHECK(pipe(ready) == 0);
    pid_t child = fork();
    if (child == 0) {
        CHECK(write(ready[1], "r", 1) == 1);
        body();
        _exit(7);
    }
    char byte;
    CHECK(read(ready[0], &byte, 1) == 1 && close(ready[0]) == 0 && close(ready[1]) == 0);
    usleep(30000);
    kill(child, number);
    int status = wait_status(child);
    printf("%s: %s %d\n", what, WIFSIGNALED(status) ? "signal" : "status", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}
static void computes(void) {
    for (;;) steps++;
}
static void sleeps(void) {
    for (;;) pause();
}
static void suspends(void) {
    sigset_t all, none;
    sigfillset(&all), sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &all, NULL);
    for (;;) sigsuspend(&none);
}
static void resets(void) {
    signal(SIGUSR1, SIG_IGN), signal(SIGUSR1, SIG_DFL);
    computes();
}
static void ignores(void) {
    signal(SIGTERM, SIG_IGN);
    usleep(100000);
}
static void alarms(void) {
    struct itimerval soon = {.it_value = {0, 20000}};
    setitimer(ITIMER_REAL, &soon, NULL);
    computes();
}
static void breaks(void) {
    int ends[2];
    CHECK(pipe(ends) == 0 && close(ends[0]) == 0);
    CHECK(write(ends[1], "x", 1) == 1);
}
int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGHUP, SIG_DFL), signal(SIGINT, SIG_DFL);  // Under nohup or in the background they begin as ignored.
    end("computing", SIGTERM, computes), end("computing", SIGRTMIN + 3, computes);
    end("sleeping", SIGHUP, sleeps), end("suspended", SIGINT, suspends);
    end("reset", SIGUSR1, resets), end("alarm", 0, alarms), end("pipe", 0, breaks);
    end("ignoring", SIGURG, ignores), end("harmless", SIGWINCH, ignores);
    struct sigaction old;
    CHECK(sigaction(SIGTERM, NULL, &old) == 0 && old.sa_handler == SIG_DFL && old.sa_flags == 0);
    return 0;
}
