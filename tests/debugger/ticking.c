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
    long more;
    signal(SIGALRM, tick);
    setitimer(ITIMER_REAL, &every, NULL);
    /* Signals come where the processor waits, which is where it reads what has just been stored. Each line begins with something
       else: from before a signal at its beginning, `next` ends there. */
    while (more = 3, ticks < more) { /* waits */
        more = 1, rounds = rounds + more; /* counts */
        more = 2, rounds = rounds + more; /* counts on */
    }
    printf("%ld\n", rounds);
    return 0;
}
