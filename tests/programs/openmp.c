// Loops, sums, atomic additions and tasks of OpenMP.
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv) {
    long size = argc > 1 ? atol(argv[1]) : 1000;
    double sum = 0;
#pragma omp parallel for reduction(+ : sum) schedule(static)
    for (long i = 1; i <= size * 1000; i++) sum += 1.0 / (double)i / (double)i;
    printf("%.9f\n", sum);
    long cells[97] = {0}, total = 0;
    for (long k = 0; k < size / 10; k++) {
#pragma omp parallel for
        for (int i = 0; i < 970; i++) {
#pragma omp atomic
            cells[i % 97]++;
        }
    }
    for (int i = 0; i < 97; i++) total += cells[i];
    printf("%ld\n", total);
    long done = 0;
#pragma omp parallel
#pragma omp single
    for (int i = 0; i < 50; i++) {
#pragma omp task shared(done)
        {
            volatile long x = 0;
            for (int j = 0; j < 1000; j++) x += j;
#pragma omp atomic
            done += x;
        }
    }
    printf("%ld\n", done);
    return 0;
}
