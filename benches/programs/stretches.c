/* Computes for long, with a system call after every 10^6 instructions or so: what sessions go through by the
 * program's own code. One function is called once, and one variable written once, both near the start. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CELLS = 1 << 20, WORK = 100000 };

static unsigned cells[CELLS];
volatile unsigned long once;

__attribute__((noinline)) void called_once(void)
{
    __asm__ volatile("" ::: "memory");
}

int main(int argc, char **argv)
{
    unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 100;
    unsigned state = 2463534242u;
    for (unsigned long number = 0; number < rounds; number++) {
        for (int i = 0; i < WORK; i++) {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            cells[state % CELLS] += state;
        }
        syscall(SYS_getppid);
        if (number == rounds / 20)
            called_once();
        if (number == rounds / 10)
            once = number;
    }
    printf("%u\n", state);
    return 0;
}
