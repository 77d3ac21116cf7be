// Calls about ranges that reach over where reenact lies: results and effects are those of memory in which
// there is a hole.
#include "guest.h"
#define START 0x550000000000ul
#define END 0x554000000000ul
enum { PAGE = 4096 };
static char *before, *behind;  // what the program has on both sides
static void fill(void) {
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    before = mmap((void *)(START - 2 * PAGE), 2 * PAGE, PROT_READ | PROT_WRITE, flags, -1, 0);
    behind = mmap((void *)END, 2 * PAGE, PROT_READ | PROT_WRITE, flags, -1, 0);
    CHECK(before == (void *)(START - 2 * PAGE) && behind == (void *)END);
    memset(before, 1, 2 * PAGE);
    memset(behind, 2, 2 * PAGE);
}
static int left(const char *page) {
    unsigned char seen;
    return mincore((void *)page, PAGE, &seen) == 0 ? page[0] : -1;
}
static void show(const char *name, long result) {
    printf("%s: %s; ", name, result < 0 ? strerror(errno) : "done");
    printf("%d %d\n", left(before), left(behind));
}
int main(void) {
    size_t all = END - START + 4 * PAGE;
    unsigned char seen[64];
    void *inside = (void *)(START + 0x100000);
    fill();
    show("munmap everything but the length", munmap(0, -1ul));
    show("munmap beyond", munmap(before, 1ul << 47));
    show("munmap inside", munmap(inside, PAGE));
    show("mprotect inside", mprotect(inside, PAGE, PROT_READ));
    show("mprotect over", mprotect(before + PAGE, all, PROT_READ | PROT_EXEC));
    before[0] = 1, behind[0] = 2;
    show("madvise inside", madvise(inside, PAGE, MADV_DONTNEED));
    show("madvise bad", madvise(inside, PAGE, 12345));
    show("mlock", mlock(before, all));
    show("munlock", munlock(before, all));
    show("msync", msync(before, all, MS_SYNC));
    show("mincore", mincore(inside, PAGE, seen));
    show("mincore over", mincore(before + PAGE, 2 * PAGE, seen));
    show("mbind", syscall(SYS_mbind, before, all, 2 /* bind */, &(unsigned long){1}, 64, 0));
    show("mremap from", (long)mremap(inside, PAGE, 2 * PAGE, MREMAP_MAYMOVE));
    show("mremap over", (long)mremap(before, all, all + PAGE, MREMAP_MAYMOVE));
    show("mremap unaligned", (long)mremap((char *)inside + 1, PAGE, PAGE, 0));
    show("madvise over", madvise(before, all, MADV_DONTNEED));
    fill();
    show("mprotect readable", mprotect(before, all, PROT_READ));
    fill();
    show("munmap over", munmap(before + PAGE, all - 2 * PAGE));
    CHECK(left(before) == 1 && left(before + PAGE) == -1 && left(behind) == -1 && left(behind + PAGE) == 2);
    fill();
    show("munmap all", munmap(before, all));
    // Reservations made around it, which can be given back and taken in parts.
    void *at = mmap(before, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    CHECK(at == before && mprotect(behind, PAGE, PROT_READ | PROT_WRITE) == 0 && (behind[0] = 7));
    printf("reserved: %d\n", behind[0]);
    CHECK(munmap(before, all) == 0 && left(behind) == -1);
    return 0;
}
