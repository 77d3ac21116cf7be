/* What makes steps by line difficult: recursion, calls through the linkage table, callbacks,
 * inlined functions, handlers of signals, jumps over frames. */
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

int helped(int value); /* lines_library.c */

static jmp_buf back;
static volatile int total;

static inline __attribute__((always_inline)) int twice(int value)
{
    int doubled = value * 2; /* in twice */
    return doubled + total;
}

static int factorial(int n)
{
    if (n < 2)
        return 1; /* deepest */
    return n * factorial(n - 1); /* recurses */
}

static int compare(const void *one, const void *other)
{
    return *(const int *)one - *(const int *)other; /* compares */
}

static void handle(int signal)
{
    total += signal; /* in handle */
}

static void leap(int depth)
{
    if (depth == 0)
        longjmp(back, 1); /* leaps */
    leap(depth - 1);
}

int main(void)
{
    int values[4] = {4, 2, 3, 1};
    total = factorial(4); /* first */
    total += helped(3);
    qsort(values, 4, sizeof values[0], compare);
    total += twice(values[0]);
    signal(SIGUSR1, handle);
    raise(SIGUSR1);
    if (setjmp(back) == 0)
        leap(3);
    total++; /* landed */
    return total & 1;
}
