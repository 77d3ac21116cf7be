/* Vector and x87 registers across a long computation. */
#include <stdio.h>
#include <unistd.h>

typedef double four __attribute__((vector_size(32)));

int main(int count, char **words)
{
    four sums = {1.1, 2.2, 3.3, 4.4};
    const four factor = {1.0000001, 1.0000002, 1.0000003, 1.0000004};
    long double x = 1.5L;
    unsigned long left = 100;
    printf("ready\n");
    fflush(stdout);
    for (int is_over = 0; left > 0; left -= is_over) {
        sums = (four){1.1, 2.2, 3.3, 4.4};
        x = 1.5L;
        for (int i = 0; i < 100000; i++) {
            sums = sums * factor + 1e-9;
            x = x * 1.0000000001L + 1e-12L;
        }
        is_over = count < 2 || !access(words[1], F_OK);
    }
    printf("%.17g %.17g %.17g %.17g %.20Lg\n", sums[0], sums[1], sums[2], sums[3], x);
    return 0;
}
