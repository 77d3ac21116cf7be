/* Locals that live in registers; built with optimization. */
#include <stdio.h>
#include <stdlib.h>

__attribute__((noinline)) static long twisted(long value)
{
    return value * 3 + 1; /* twisted */
}

__attribute__((noinline)) static void used(long value, long step)
{
    if (value == 12345)
        printf("%ld %ld\n", value, step); /* used */
}

__attribute__((noinline)) static long deep(long depth, long given)
{
    long kept = given ^ 0x55; /* kept is made */
    if (depth > 0)
        deep(depth - 1, given + 1); /* deeper */
    used(kept, depth); /* kept is used */
    return kept;
}

__attribute__((noinline)) static long total(const char *text, long limit)
{
    long sum = 0;
    for (long i = 0; i < limit; i++) {
        if (text[i % 3] == 'b')
            sum += twisted(i); /* sum grows */
        used(sum, i);
    }
    used(sum, limit); /* sum is used */
    return sum;
}

int main(int argc, char **argv)
{
    long found = total("abc", 20000 + argc);
    found += deep(3, found);
    printf("%ld\n", found);
    return argv[0] == NULL;
}
