/* Computes without system calls while a timer's signals come: they are taken in the middle. */
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>

volatile sig_atomic_t ticks;
volatile long rounds;

/* What a line does most of the time: each waits for what the one before has stored. */
#define FOUR rounds = rounds + more, rounds = rounds + more, rounds = rounds + more, rounds = rounds + more
#define LONG FOUR, FOUR, FOUR, FOUR

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
       else, and is long: from before a signal at its beginning, `next` ends there. */
    while (more = 3, LONG, ticks < more) { /* waits */
        more = 1, LONG; /* counts */
        more = 2, LONG; /* counts on */
    }
    printf("%ld\n", rounds);
    return 0;
}
