/* Computes without system calls while a timer's signals come: they are taken in the middle. */
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>

volatile sig_atomic_t ticks;
volatile long rounds;

void tick(int signal)
{
    (void)signal;
    ticks = ticks + 1; /* ticks */
}

int main(void)
{
    struct itimerval every = {{0, 200000}, {0, 200000}};
    signal(SIGALRM, tick);
    setitimer(ITIMER_REAL, &every, NULL);
    while (ticks < 3) { /* waits */
        rounds = rounds + 1; /* counts */
        rounds = rounds + 2; /* counts on */
    }
    printf("%ld\n", rounds);
    return 0;
}
