/* A small life to walk through in a debugger: writes to watch, calls to step into, a signal
 * handler, a jump over frames, and a crash at the end when there is an argument. */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct record {
    int number;
    char text[16];
};

int counter;
double ratio = 0.5;
struct record record;
volatile int *nowhere;
static jmp_buf back;

int square(int value)
{
    return value * value; /* in square */
}

void add(int times)
{
    for (int i = 0; i < times; i++)
        counter += i; /* add one */
}

void handle(int signal)
{
    counter += signal; /* in handle */
}

void leap(int value)
{
    if (value > 2)
        longjmp(back, value); /* leaps */
}

int main(int argc, char **argv)
{
    (void)argv;
    add(10); /* first add */
    record.number = 5; /* first write */
    add(1000);
    signal(SIGUSR1, handle);
    kill(getpid(), SIGUSR1); /* kills */
    record.number = square(counter); /* second write */
    if (setjmp(back) == 0)
        leap(3);
    ratio = 2.5; /* landed */
    printf("%d\n", record.number);
    fflush(stdout);
    if (argc > 1)
        *nowhere = 1; /* crashes */
    add(3); /* last add */
    return 0;
}
