/* A line that loops long enough for any step over it to take a while. */
#include <stdio.h>
static volatile unsigned long sum;
static void hot(void)
{
    unsigned long i = 0;
again: sum += i * i; if (++i < 40000000) goto again; /* hot */
    sum ^= 1; /* after */
}
int main(void)
{
    hot();
    printf("%lu\n", sum);
    return 0;
}
