/* A structure is written in parts, and read without a lock in between. */
#include "race.h"

static volatile struct {
    long low, high;
} pair;

static void *write_pair(void *unused) {
    for (long value = 1; value <= 20; value++) {
        pair.low = value;
        work(30);
        pair.high = value;
        work(30);
    }
    return unused;
}

static void *read_pair(void *unused) {
    for (int turn = 0; turn < 20; turn++) {
        long low = pair.low, high = pair.high;
        check(low == high, "half of a write was read");
        work(20);
    }
    return unused;
}

int main(void) {
    run_both(write_pair, read_pair);
    printf("%ld %ld\n", pair.low, pair.high);
}
