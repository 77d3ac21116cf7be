/* Lines that loop by themselves, with a call and without one. */
#include <stdio.h>
static volatile unsigned long sum;
static unsigned long plain(unsigned long rounds)
{
    unsigned long i = 0;
    for (i = 0; i < rounds; i++) sum += i; /* plain */
    return i; /* behind */
}
static unsigned long called(unsigned long i)
{
    return i + 1;
}
int main(void)
{
    unsigned long found = plain(50000);
    for (unsigned long i = 0; i < 20; i = called(i)) sum ^= i; /* calls */
    printf("%lu %lu\n", sum, found); /* last */
    return 0;
}
