// System V shared memory: a segment attached by parent, child and another program, in turns that a semaphore gives.
#define _GNU_SOURCE
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include "guest.h"
#define SIZE (3 * 4096 + 100)
static void turn(int set, int number, int change) {
    struct sembuf operation = {.sem_num = number, .sem_op = change};
    CHECK(semop(set, &operation, 1) == 0);
}
// The other side: adds to every word when it is its turn.
static void serve(int segment, int set) {
    volatile int *words = shmat(segment, NULL, 0);
    CHECK(words != (void *)-1);
    for (int round = 0; round < 20; round++) {
        turn(set, 1, -1);
        for (int i = 0; i < 100; i++) words[i * 30] += round + i;
        turn(set, 0, 1);
    }
    CHECK(shmdt((void *)words) == 0);
}
int main(int argc, char **argv) {
    if (argc == 3) {
        serve(atoi(argv[1]), atoi(argv[2]));
        return 0;
    }
    int segment = shmget(IPC_PRIVATE, SIZE, IPC_CREAT | 0600), set = semget(IPC_PRIVATE, 2, IPC_CREAT | 0600);
    CHECK(segment >= 0 && set >= 0);
    volatile int *words = shmat(segment, NULL, 0);
    CHECK(words != (void *)-1 && words[0] == 0 && words[3000] == 0);
    struct shmid_ds status;
    CHECK(shmctl(segment, IPC_STAT, &status) == 0 && status.shm_segsz == SIZE && status.shm_nattch == 1);
    for (int side = 0; side < 2; side++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            if (side == 0) {
                serve(segment, set);
                _exit(0);
            }
            char first[20], second[20];
            snprintf(first, sizeof first, "%d", segment);
            snprintf(second, sizeof second, "%d", set);
            execl("/proc/self/exe", argv[0], first, second, NULL);
            _exit(1);
        }
        for (int round = 0; round < 20; round++) {
            words[30] *= 2;
            turn(set, 1, 1);
            turn(set, 0, -1);
        }
        int ending;
        CHECK(waitpid(child, &ending, 0) == child && ending == 0);
        printf("%d %d %d\n", words[0], words[30], words[99 * 30]);
    }
    // Once more, to be read only, over other memory, and where nothing may be.
    char *reserved = mmap(NULL, 8 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(reserved, 7, 8 * 4096);
    CHECK(shmat(segment, reserved + 4096, 0) == (void *)-1 && errno == EINVAL);
    const volatile int *again = shmat(segment, reserved + 4096 + 5, SHM_REMAP | SHM_RDONLY | SHM_RND);
    CHECK((char *)again == reserved + 4096 && again[30] == words[30]);
    words[30]++;
    CHECK(again[30] == words[30] && reserved[0] == 7 && reserved[5 * 4096] == 7);
    CHECK(shmdt((void *)again) == 0 && shmdt((void *)again) == -1 && errno == EINVAL);
    CHECK(shmat(-1, NULL, 0) == (void *)-1 && errno == EINVAL);
    // It lives on until nobody has it any more.
    CHECK(shmctl(segment, IPC_RMID, NULL) == 0 && semctl(set, 0, IPC_RMID) == 0);
    printf("%d\n", words[30]);
    CHECK(shmdt((void *)words) == 0);
    CHECK(shmat(segment, NULL, 0) == (void *)-1);
    // A new one has zeros, wherever it is.
    segment = shmget(IPC_PRIVATE, SIZE, IPC_CREAT | 0600);
    words = shmat(segment, NULL, 0);
    CHECK(words != (void *)-1 && words[30] == 0 && shmctl(segment, IPC_RMID, NULL) == 0);
    puts("shared");
    return 0;
}
