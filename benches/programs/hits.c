/* A function that is called, memory that is written, and a line that loops: a million times each. */
#include <stdio.h>
enum { ROUNDS = 1000000 };
static volatile unsigned long total;
__attribute__((noinline)) static void hot(unsigned long number)
{
    total += number;
}
__attribute__((noinline)) static unsigned long looped(void)
{
    unsigned long sum = 0;
    for (unsigned long i = 0; i < ROUNDS; i++) sum += i * total; /* loops */
    return sum; /* behind */
}
int main(void)
{
    for (unsigned long number = 0; number < ROUNDS; number++)
        hot(number);
    printf("%lu %lu\n", total, looped());
    return 0;
}
