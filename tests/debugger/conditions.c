/* Places that execution comes to very often, and memory that is written very often. */
#include <stdio.h>
#include <string.h>
struct pair {
    int low;
    unsigned char high;
};
volatile long value, other;
volatile long total;
struct pair pair;
char from[8] = "abcdefg", to[8];
static __attribute__((noinline)) void hot(long i, struct pair *p)
{
    total += i;
    p->low = -(int)i;
    p->high = (unsigned char)i; /* high */
}
int main(int argc, char **argv)
{
    long rounds = 200000;
    for (int k = 0; k < 300; k++) {
        value = k % 7;
        other = k;
    }
    for (long i = 0; i < rounds; i++)
        hot(i, &pair);
    for (int k = 0; k < 5; k++) {
        void *target = to, *source = from;
        __asm__ volatile("movsb" : "+D"(target), "+S"(source) : : "memory");
    }
    printf("%ld %ld\n", total, value);
    return argc - 1 + (argv[0] == NULL);
}
