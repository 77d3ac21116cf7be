// Shared memory that one side may only read: it sees what the other writes, in one process and between two.
#define _GNU_SOURCE
#include "guest.h"
#define SIZE (2 * 4096)
static int memory_file(void) {
    int file = memfd_create("words", MFD_CLOEXEC);
    CHECK(file >= 0 && ftruncate(file, SIZE) == 0);
    return file;
}
static int reopened(int file) {
    char name[40];
    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    int again = open(name, O_RDONLY | O_CLOEXEC);
    CHECK(again >= 0);
    return again;
}
static volatile unsigned *mapped(int file, int protection) {
    void *at = mmap(NULL, SIZE, protection, MAP_SHARED, file, 0);
    CHECK(at != MAP_FAILED);
    return at;
}
// What the reader finds decides how long it goes on.
static unsigned follow(volatile unsigned *words, unsigned last) {
    unsigned seen = 0;
    while (words[0] != last) seen += words[0] & 1;
    return words[1] + (seen > 0);
}
int main(void) {
    int file = memory_file();
    volatile unsigned *writer = mapped(file, PROT_READ | PROT_WRITE);
    writer[0] = 5;
    volatile unsigned *reader = mapped(reopened(file), PROT_READ);
    unsigned sum = 0;
    for (unsigned i = 0; i < 1000; i++) {
        writer[0] = i * i;
        sum += reader[0];
        for (volatile unsigned turn = 0; turn < reader[0] % 7; turn++) sum++;
    }
    printf("%u\n", sum);
    // The reader is first, and in another process.
    file = memory_file();
    reader = mapped(reopened(file), PROT_READ);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        writer = mapped(file, PROT_READ | PROT_WRITE);
        for (unsigned i = 1; i <= 100; i++) {
            writer[0] = i;
            for (volatile int turn = 0; turn < 100000; turn++) {}
        }
        writer[1] = 77;
        writer[0] = 1000;
        _exit(0);
    }
    unsigned found = follow(reader, 1000);
    CHECK(found == 77 || found == 78);
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    // A named one: the reader maps it when the writer has.
    char name[40];
    snprintf(name, sizeof name, "/dev/shm/reenact-guest-%d", getpid());
    file = open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
    CHECK(file >= 0 && ftruncate(file, SIZE) == 0);
    writer = mapped(file, PROT_READ | PROT_WRITE);
    reader = mapped(reopened(file), PROT_READ);
    CHECK(unlink(name) == 0);
    writer[5] = 12345;
    printf("%u %u\n", reader[5], writer[1] + reader[0]);
    return 0;
}
