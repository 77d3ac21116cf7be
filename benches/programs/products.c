// Products of matrices by a library whose threads wait for one another in loops.
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>

int main(int count, char **arguments) {
    int size = count > 1 ? atoi(arguments[1]) : 500, rounds = count > 2 ? atoi(arguments[2]) : 100;
    size_t cells = (size_t)size * size;
    double *a = malloc(cells * sizeof *a), *b = malloc(cells * sizeof *b), *c = malloc(cells * sizeof *c);
    for (size_t i = 0; i < cells; i++) {
        a[i] = (double)(i % 7) - 3;
        b[i] = (double)(i % 5) - 2;
    }
    for (int round = 0; round < rounds; round++)
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, size, size, size, 1e-3, a, size, b, size, 0, c, size);
    double sum = 0;
    for (size_t i = 0; i < cells; i++) sum += c[i];
    printf("%.6f\n", sum);
    return 0;
}
