/* Two locks, taken in opposite orders: deadlock. */
#include "race.h"

static pthread_mutex_t left = PTHREAD_MUTEX_INITIALIZER, right = PTHREAD_MUTEX_INITIALIZER;

static void both(pthread_mutex_t *one, pthread_mutex_t *other) {
    for (int turn = 0; turn < 10; turn++) {
        pthread_mutex_lock(one);
        work(50);
        pthread_mutex_lock(other);
        work(10);
        pthread_mutex_unlock(other);
        pthread_mutex_unlock(one);
    }
}

static void *left_first(void *unused) {
    both(&left, &right);
    return unused;
}

static void *right_first(void *unused) {
    both(&right, &left);
    return unused;
}

int main(void) {
    run_both(left_first, right_first);
    puts("both done");
}
