// Processes that add to shared words without a lock: additions are lost, in the replay the same.
#include "guest.h"
enum { PROCESSES = 3 };
int main(int count, char **arguments) {
    long rounds = count > 1 ? atol(arguments[1]) : 30000000;
    volatile long *sum = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(sum != MAP_FAILED);
    for (int process = 0; process < PROCESSES; process++)
        if (fork() == 0) {
            for (long i = 0; i < rounds; i++) {
                sum[0] = sum[0] + 1;
                sum[process + 1] += sum[0] & 7;
            }
            _exit(0);
        }
    while (wait(NULL) > 0) {}
    CHECK(sum[0] > 0 && sum[0] <= PROCESSES * rounds);
    printf("%ld %ld %ld %ld\n", sum[0], sum[1], sum[2], sum[3]);
    return 0;
}
