/* The second thread frees what the first is expected to have finished with. */
#include "race.h"

static int *volatile shared;
/* The same, and never null: a thread that begins late finds what is left of it. */
static volatile int *mine;

static void *use(void *unused) {
    for (int turn = 0; turn < 20; turn++) {
        work(50);
        check(mine[0] == 7 && mine[7] == 7, "memory was used after it was freed");
    }
    return unused;
}

static void *discard(void *unused) {
    int *old = shared;
    shared = NULL;
    memset(old, 0xdd, 8 * sizeof(int));
    free(old);
    return unused;
}

int main(void) {
    shared = malloc(8 * sizeof(int));
    for (int index = 0; index < 8; index++)
        shared[index] = 7;
    mine = shared;
    run_both(use, discard);
    puts("used, then freed");
}
