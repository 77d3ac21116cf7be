/* Two threads read, add and write back a counter: one update gets lost. */
#include "race.h"

static volatile long counter;

static void *add(void *unused) {
    for (int turn = 0; turn < 30; turn++) {
        long seen = counter;
        work(20);
        counter = seen + 1;
        work(20);
    }
    return unused;
}

int main(void) {
    run_both(add, add);
    check(counter == 60, "an update was lost");
    puts("60 updates");
}
