// One thread changes a file by calls, the other one sees that in a mapping of it at once.
#include "guest.h"
#include <pthread.h>
#include <sys/sendfile.h>
enum { ROUNDS = 200 };
static int file, source;
static volatile unsigned char *mapped;
static _Atomic int seen;
static void *writes(void *argument) {
    for (int i = 1; i <= ROUNDS; i++) {
        char byte = (char)i;
        loff_t from = i, to = 5;
        switch (i % 4) {
        case 0: CHECK(pwrite(file, &byte, 1, 5) == 1); break;
        case 1: CHECK(lseek(file, 5, SEEK_SET) == 5 && write(file, &byte, 1) == 1); break;
        case 2: CHECK(lseek(file, 5, SEEK_SET) == 5 && sendfile(file, source, &from, 1) == 1); break;
        case 3: CHECK(copy_file_range(source, &from, file, &to, 1, 0) == 1); break;
        }
        while (seen != i) sched_yield();
    }
    return argument;
}
int main(void) {
    char names[2][16] = {"file-XXXXXX", "source-XXXXXX"}, bytes[256];
    pthread_t thread;
    for (int i = 0; i < 256; i++) bytes[i] = (char)i;
    CHECK((file = mkstemp(names[0])) >= 0 && (source = mkstemp(names[1])) >= 0);
    CHECK(write(source, bytes, 256) == 256 && ftruncate(file, 4096) == 0);
    mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(mapped != MAP_FAILED);
    pthread_create(&thread, NULL, writes, NULL);
    for (int i = 1; i <= ROUNDS; i++) {
        while (mapped[5] != i) sched_yield();
        mapped[6] += 1;
        seen = i;
    }
    pthread_join(thread, NULL);
    printf("%d rounds, %d seen\n", ROUNDS, mapped[6]);
    return unlink(names[0]) + unlink(names[1]);
}
