/* Double-checked locking that says "ready" before it is. */
#include "race.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static volatile int ready, table[8];

static void *use(void *unused) {
    if (!ready) {
        pthread_mutex_lock(&lock);
        if (!ready) {
            ready = 1;
            for (int index = 0; index < 8; index++) {
                work(100);
                table[index] = index + 1;
            }
        }
        pthread_mutex_unlock(&lock);
    }
    for (int index = 0; index < 8; index++)
        check(table[index] == index + 1, "the table was used before it was made");
    return unused;
}

int main(void) {
    run_both(use, use);
    puts("made once, used twice");
}
