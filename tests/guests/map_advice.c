// madvise DONTNEED and FREE, mincore, mprotect splits, mlock; a program that reads freed pages back.
#include "guest.h"
enum { PAGE = 4096 };
int main(void) {
    char *map = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(map != MAP_FAILED);
    memset(map, 7, 16 * PAGE);
    CHECK(madvise(map + 2 * PAGE, 3 * PAGE, MADV_DONTNEED) == 0);
    CHECK(map[2 * PAGE] == 0 && map[5 * PAGE - 1] == 0 && map[5 * PAGE] == 7 && map[2 * PAGE - 1] == 7);
    CHECK(madvise(map + 8 * PAGE, 4 * PAGE, MADV_FREE) == 0);
    int kept = 0;
    for (int i = 8; i < 12; i++) kept += map[i * PAGE] == 7;
    uint64_t hash = hash_bytes(map, 16 * PAGE);
    map[8 * PAGE] = 9;
    CHECK(map[8 * PAGE] == 9);
    fprintf(stderr, "kept %d, hash %016lx\n", kept, hash);
    unsigned char resident[16];
    CHECK(mincore(map, 16 * PAGE, resident) == 0);
    CHECK(mprotect(map + PAGE, PAGE, PROT_NONE) == 0 && mprotect(map + PAGE, PAGE, PROT_READ) == 0);
    CHECK(map[PAGE] == 7);
    CHECK(mprotect(map, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC) == 0);
    CHECK(madvise(map, PAGE, 9999) == -1 && errno == EINVAL);
    CHECK(madvise(map, 16 * PAGE, MADV_HUGEPAGE) == 0 || errno == EINVAL);
    CHECK(madvise(map, PAGE, MADV_DONTFORK) == 0);
    char *shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    shared[1] = 5;
    CHECK(madvise(shared, PAGE, MADV_DONTNEED) == 0 && shared[1] == 5);
    printf("advised\n");
    return 0;
}
