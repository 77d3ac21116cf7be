// Semaphores between processes: one that has a name, one in shared memory; and who goes when.
#include "guest.h"
#include <semaphore.h>
enum { ROUNDS = 300 };
struct shared {
    sem_t ping;
    int turns, order[2 * ROUNDS];
};
int main(void) {
    char name[64];
    snprintf(name, sizeof name, "/reenact-guest-%d", getpid());
    sem_t *pong = sem_open(name, O_CREAT | O_EXCL, 0600, 0);
    CHECK(pong != SEM_FAILED);
    struct shared *all =
        mmap(NULL, sizeof *all, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(all != MAP_FAILED && sem_init(&all->ping, 1, 1) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        // Not the parent's: opened by its name.
        sem_t *own = sem_open(name, 0);
        CHECK(own != SEM_FAILED);
        for (int i = 0; i < ROUNDS; i++) {
            CHECK(sem_wait(own) == 0);
            all->order[all->turns++] = 2;
            CHECK(sem_post(&all->ping) == 0);
        }
        _exit(0);
    }
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(sem_wait(&all->ping) == 0);
        all->order[all->turns++] = 1;
        CHECK(sem_post(pong) == 0);
    }
    CHECK(wait_status(child) == 0);
    CHECK(sem_unlink(name) == 0);
    printf("%d %llx\n", all->turns, (unsigned long long)hash_bytes(all->order, sizeof all->order));
    return 0;
}
