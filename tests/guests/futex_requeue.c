// Futex operations by hand: wait, wake, bitsets, requeue, compare-requeue, wake-op, waitv.
#include "guest.h"
#include <linux/futex.h>
#include <pthread.h>
static uint32_t first, second;
static int woken;
static long futex(uint32_t *word, int operation, uint32_t value, size_t fourth, uint32_t *other,
                  uint32_t third) {
    return syscall(SYS_futex, word, operation, value, fourth, other, third);
}
static void *waits(void *argument) {
    uint32_t bits = (uint32_t)(size_t)argument;
    CHECK(futex(&first, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, 0, 0, NULL, bits) == 0);
    __atomic_add_fetch(&woken, 1, __ATOMIC_SEQ_CST);
    return NULL;
}
static void until(int count) {
    while (__atomic_load_n(&woken, __ATOMIC_SEQ_CST) < count) usleep(200);
}
int main(void) {
    pthread_t thread[6];
    for (size_t i = 0; i < 6; i++) pthread_create(&thread[i], NULL, waits, (void *)(1ul << i));
    // Moved to the other word and back they are counted, until all wait.
    for (long waiting = 0; waiting < 6; usleep(500)) {
        waiting = futex(&first, FUTEX_CMP_REQUEUE | FUTEX_PRIVATE_FLAG, 0, 9, &second, 0);
        CHECK(futex(&second, FUTEX_CMP_REQUEUE | FUTEX_PRIVATE_FLAG, 0, 9, &first, 0) == waiting);
    }
    CHECK(futex(&first, FUTEX_WAKE_BITSET | FUTEX_PRIVATE_FLAG, 9, 0, NULL, 4) == 1);
    until(1);
    CHECK(futex(&first, FUTEX_CMP_REQUEUE | FUTEX_PRIVATE_FLAG, 1, 2, &second, 1) == -1);
    CHECK(errno == EAGAIN);
    CHECK(futex(&first, FUTEX_CMP_REQUEUE | FUTEX_PRIVATE_FLAG, 1, 2, &second, 0) == 3);
    until(2);
    CHECK(futex(&second, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 9, 0, NULL, 0) == 2);
    until(4);
    uint32_t operation = FUTEX_OP(FUTEX_OP_ADD, 5, FUTEX_OP_CMP_EQ, 0);
    CHECK(futex(&first, FUTEX_WAKE_OP | FUTEX_PRIVATE_FLAG, 9, 9, &second, operation) == 2);
    CHECK(second == 5);
    for (int i = 0; i < 6; i++) pthread_join(thread[i], NULL);
    struct timespec brief = {0, 1000000};
    CHECK(futex(&first, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, (size_t)&brief, NULL, 0) == -1);
    CHECK(errno == ETIMEDOUT);
    CHECK(futex(&first, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 7, 0, NULL, 0) == -1 && errno == EAGAIN);
    CHECK(futex(&first, FUTEX_LOCK_PI | FUTEX_PRIVATE_FLAG, 0, 0, NULL, 0) == 0);
    CHECK((first & FUTEX_TID_MASK) == (uint32_t)gettid());
    CHECK(futex(&first, FUTEX_UNLOCK_PI | FUTEX_PRIVATE_FLAG, 0, 0, NULL, 0) == 0 && first == 0);
    printf("woken %d\n", woken);
    return 0;
}
