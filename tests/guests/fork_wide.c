// Many children at once, each computing, writing through one pipe; collected in order of number.
#include "guest.h"
enum { CHILDREN = 40 };
int main(void) {
    int ends[2];
    CHECK(pipe(ends) == 0);
    for (int i = 0; i < CHILDREN; i++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            uint32_t value = (uint32_t)i + 1;
            for (int round = 0; round < 20000; round++) value = value * 1664525u + 1013904223u;
            uint32_t record[2] = {(uint32_t)i, value};
            CHECK(write(ends[1], record, sizeof record) == sizeof record);
            _exit(i);
        }
    }
    close(ends[1]);
    uint32_t results[CHILDREN] = {0}, record[2];
    int count = 0;
    while (read(ends[0], record, sizeof record) == sizeof record) {
        results[record[0]] = record[1];
        count++;
    }
    int sum = 0, status;
    for (int i = 0; i < CHILDREN; i++) {
        CHECK(wait(&status) > 0);
        sum += WEXITSTATUS(status);
    }
    printf("%d records, hash %016lx, sum of statuses %d\n", count, hash_bytes(results, sizeof results), sum);
    return 0;
}
