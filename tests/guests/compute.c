// Work without system calls: integer, floating point, branches, calls through tables, sorting.
#include "guest.h"
static int compare(const void *one, const void *other) {
    uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;
    return a < b ? -1 : a > b;
}
static double polynomial(double x) { return ((x * 0.5 + 1.25) * x - 3.5) * x + 0.125; }
static double quotient(double x) { return x / (1.0 + x * x); }
static double branch(double x) { return x < 0 ? -x * 0.75 : 1.0 / (x + 2.0); }
int main(int argc, char **argv) {
    uint32_t count = argc > 1 ? (uint32_t)atoi(argv[1]) : 300000, *numbers = malloc(count * sizeof *numbers), x = 12345;
    CHECK(numbers);
    for (uint32_t i = 0; i < count; i++) numbers[i] = x = x * 1664525u + 1013904223u;
    qsort(numbers, count, sizeof *numbers, compare);
    for (uint32_t i = 1; i < count; i++) CHECK(numbers[i - 1] <= numbers[i]);
    double (*functions[])(double) = {polynomial, quotient, branch}, sum = 0;
    for (uint32_t i = 0; i < count; i++) sum += functions[numbers[i] % 3]((double)(int32_t)numbers[i] / 1e9);
    uint64_t steps = 0;
    for (uint64_t i = 1; i < count / 10; i++)
        for (uint64_t n = i; n != 1; steps++) n = n % 2 ? 3 * n + 1 : n / 2;
    printf("%016lx %.12g %lu\n", hash_bytes(numbers, count * sizeof *numbers), sum, steps);
    return 0;
}
