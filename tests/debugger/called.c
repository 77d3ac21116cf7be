/* Functions that are called through pointers, and write onto the stack at once. */
#include <stdio.h>
typedef long (*Function)(long);
__attribute__((noinline)) static long add(long x)
{
    volatile long on_the_stack[4] = {x, x + 1, x + 2, x + 3};
    return on_the_stack[x & 3];
}
__attribute__((noinline)) static long twice(long x)
{
    volatile long one = x;
    return one + one;
}
static Function volatile functions[] = {add, twice};
int main(void)
{
    long sum = 0;
    for (long i = 0; i < 60; i++)
        sum += functions[i % 2](i); /* called */
    printf("%ld\n", sum);
    return 0;
}
