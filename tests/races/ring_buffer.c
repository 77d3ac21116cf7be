/* Two producers of a ring buffer made for one: they fill the same place, and an item is missing. */
#include "race.h"

enum { SIZE = 64, ITEMS = 25 };
static volatile int ring[SIZE];
static volatile unsigned head;

static void put(int item) {
    unsigned place = head;
    ring[place % SIZE] = item;
    work(30);
    head = place + 1;
}

static void *produce(void *unused) {
    for (int item = 1; item <= ITEMS; item++) {
        put(item);
        work(30);
    }
    return unused;
}

int main(void) {
    run_both(produce, produce);
    int sum = 0;
    for (unsigned tail = 0; tail < head; tail++)
        sum += ring[tail % SIZE];
    check(sum == ITEMS * (ITEMS + 1), "an item was overwritten");
    printf("sum %d\n", sum);
}
