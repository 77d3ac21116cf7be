// Two pipes between two recorded processes: questions one way, answers the other, 2,000 rounds.
#include "guest.h"
int main(void) {
    int ask[2], answer[2];
    CHECK(pipe(ask) == 0 && pipe2(answer, O_CLOEXEC) == 0);
    pid_t child = fork();
    if (child == 0) {
        close(ask[1]);
        uint64_t value;
        while (read(ask[0], &value, sizeof value) == sizeof value) {
            value = value * 6364136223846793005u + 1442695040888963407u;
            CHECK(write(answer[1], &value, sizeof value) == sizeof value);
        }
        _exit(12);
    }
    close(ask[0]);
    uint64_t value = 1;
    for (int i = 0; i < 2000; i++) {
        CHECK(write(ask[1], &value, sizeof value) == sizeof value);
        CHECK(read(answer[0], &value, sizeof value) == sizeof value);
    }
    close(ask[1]);
    printf("%016lx, child %d\n", value, WEXITSTATUS(wait_status(child)));
    return 0;
}
