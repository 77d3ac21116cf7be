/* Computes without a system call, with or without a profiling timer of 1 kHz. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

static volatile long ticks;

static void handler(int number) {
    (void)number;
    ticks++;
}

int main(int count, char **arguments) {
    if (count != 3) return 2;
    long interval = atol(arguments[1]); /* microseconds; 0: no timer */
    uint64_t rounds = strtoull(arguments[2], NULL, 10);
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigaction(SIGPROF, &action, NULL);
    struct itimerval timer = {{0, interval}, {0, interval}}, none = {{0, 0}, {0, 0}};
    setitimer(ITIMER_PROF, &timer, NULL);
    uint64_t x = 5;
    for (uint64_t i = 0; i < rounds; i++) x = x * 6364136223846793005u + 1442695040888963407u;
    setitimer(ITIMER_PROF, &none, NULL);
    printf("%016lx\n", (unsigned long)x);
    return 0;
}
