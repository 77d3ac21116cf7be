/* A line that loops long enough for any step over it to take a while. */
#include <stdio.h>
#include <stdlib.h>
static volatile unsigned long sum;
static void hot(unsigned long rounds)
{
    unsigned long i = 0;
again: sum += i * i; if (++i < rounds) goto again; /* hot */
    sum ^= 1; /* after */
}
int main(int count, char **words)
{
    hot(count > 1 ? strtoul(words[1], NULL, 10) : 40000000);
    printf("%lu\n", sum);
    return 0;
}
