/* Each thread looks whether there is enough, and then takes it: together they take too much. */
#include "race.h"

static volatile int balance = 100;

static void *withdraw(void *unused) {
    for (int turn = 0; turn < 10; turn++) {
        work(10);
        if (balance >= 30) {
            work(100);
            __atomic_sub_fetch(&balance, 30, __ATOMIC_SEQ_CST);
        }
    }
    return unused;
}

int main(void) {
    run_both(withdraw, withdraw);
    check(balance >= 0, "more was taken than there was");
    printf("%d left\n", balance);
}
