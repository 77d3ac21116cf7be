/* Memory that could be shared, and is not, for the most part: without a file, of a file, a segment; and a child in between. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { size = 64 << 10, rounds = 60 };

static void work(volatile long *counts[3], int file, int round) {
    char bytes[64];
    for (int i = 0; i < 3; i++) {
        counts[i][round * 7]++;
        counts[i][1] += counts[(i + 1) % 3][round * 7];
    }
    pwrite(file, &round, sizeof round, 4096 + round * 8);
    pread(file, bytes, sizeof bytes, 4096 + round * 8);
    getppid();
}

int main(void) {
    char name[] = "commonXXXXXX";
    int file = mkstemp(name);
    ftruncate(file, size / 2 + 100);
    int segment = shmget(IPC_PRIVATE, size, 0600);
    volatile long *counts[3] = {
        mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
        mmap(0, size / 2, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0),
        shmat(segment, 0, 0),
    };
    for (int round = 0; round < rounds; round++) {
        work(counts, file, round);
        if (round == rounds / 2) {
            pid_t child = fork();
            if (child == 0) {
                work(counts, file, round + 1);
                _exit(0);
            }
            waitpid(child, 0, 0);
        }
        if (round == rounds - 5) {
            char *other = mmap(0, 4096, PROT_READ, MAP_SHARED, file, 4096);
            printf("%d\n", other[8 * (round - 1)]);
            munmap(other, 4096);
        }
    }
    printf("%ld %ld %ld\n", counts[0][1], counts[1][1], counts[2][1]);
    shmctl(segment, IPC_RMID, 0);
    unlink(name);
    return 0;
}
