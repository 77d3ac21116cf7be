// mremap: growing in place, moving, shrinking, to a fixed place; MAP_FIXED over; holes by munmap.
#include "guest.h"
enum { PAGE = 4096 };
static char *fresh(size_t pages) {
    char *map = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(map != MAP_FAILED);
    for (size_t i = 0; i < pages; i++) map[i * PAGE] = (char)(i + 1);
    return map;
}
int main(void) {
    char *big = fresh(64), *map = big;
    CHECK(munmap(big + 4 * PAGE, 60 * PAGE) == 0);
    CHECK(mremap(map, 4 * PAGE, 8 * PAGE, 0) == map && map[3 * PAGE] == 4 && map[7 * PAGE] == 0);
    map[7 * PAGE] = 77;
    char *wall = mmap(map + 8 * PAGE, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    CHECK(wall == map + 8 * PAGE);
    CHECK(mremap(map, 8 * PAGE, 100 * PAGE, 0) == MAP_FAILED && errno == ENOMEM);
    char *moved = mremap(map, 8 * PAGE, 100 * PAGE, MREMAP_MAYMOVE);
    CHECK(moved != MAP_FAILED && moved != map && moved[7 * PAGE] == 77 && moved[2 * PAGE] == 3 && moved[99 * PAGE] == 0);
    CHECK(mremap(moved, 100 * PAGE, 2 * PAGE, 0) == moved);
    char *target = fresh(4);
    CHECK(mremap(moved, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, target) == target);
    CHECK(target[0] == 1 && target[PAGE] == 2 && target[2 * PAGE] == 0 && target[3 * PAGE] == 4);
    CHECK(mmap(target + PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == target + PAGE);
    CHECK(target[PAGE] == 0);
    CHECK(mmap(target, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED);
    CHECK(errno == EEXIST);
    char *hint = mmap((void *)0x10000000000, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(hint == (void *)0x10000000000);
    char *low = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    CHECK(low != MAP_FAILED && (uintptr_t)low < 1ul << 31);
    low[0] = hint[0] = 1;
    printf("%016lx\n", hash_bytes(target, 3 * PAGE));
    return 0;
}
