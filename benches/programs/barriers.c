// Two sweeps a round over a ring of numbers, each shared out among threads that meet at its end.
#include <stdio.h>
#include <stdlib.h>

enum { NUMBERS = 400000 };
static double first[NUMBERS + 2], second[NUMBERS + 2];

static void sweep(const double *from, double *to) {
#pragma omp parallel for schedule(static)
    for (int i = 1; i <= NUMBERS; i++) to[i] = (from[i - 1] + from[i] + from[i + 1]) / 3;
}

int main(int count, char **arguments) {
    int rounds = count > 1 ? atoi(arguments[1]) : 100;
    for (int i = 0; i < NUMBERS + 2; i++) first[i] = i % 17;
    for (int round = 0; round < rounds; round++) {
        sweep(first, second);
        sweep(second, first);
    }
    double sum = 0;
    for (int i = 1; i <= NUMBERS; i++) sum += first[i];
    printf("%.6f\n", sum);
    return 0;
}
