/* Computes for long without system calls, as deep as two calls: what one walks through backwards.
 * Some 37 instructions a round; `rare` is written every 300,000 rounds. */
#include <stdio.h>
#include <stdlib.h>

enum { CELLS = 1 << 20, SELDOM = 300000 };

static unsigned cells[CELLS];
volatile unsigned long rare;
volatile unsigned long never;

__attribute__((noinline)) static unsigned mixed(unsigned value)
{
    value ^= value << 13;
    value ^= value >> 17;
    return value ^ value << 5;
}

__attribute__((noinline)) static unsigned one_round(unsigned state, unsigned long number)
{
    unsigned next = mixed(state);
    cells[next % CELLS] += state;
    if (number % SELDOM == 0)
        rare = number;
    return next;
}

int main(int argc, char **argv)
{
    unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
    unsigned state = 2463534242u;
    for (unsigned long number = 0; number < rounds; number++)
        state = one_round(state, number);
    printf("%u %lu %lu\n", state, rare, never);
    return 0;
}
