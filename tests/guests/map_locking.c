// mlock, mlock2, mlockall and their ends: results at holes, limits and bad arguments, which pages are there, and what advice a
// locked page takes.
#include "guest.h"
enum { PAGE = 4096, PAGES = 8 };
static char *const place = (char *)0x100000000000;
static void show(const char *what, long result) {
    int error = errno;
    unsigned char there[PAGES];
    printf("%s: %ld %d", what, result, result ? error : 0);
    for (int i = 0; i < PAGES; i++) {
        if (mincore(place + i * PAGE, PAGE, there + i)) printf(" hole");
        else printf(" %d/%d", there[i] & 1, there[i] & 1 ? place[i * PAGE] : 0);
    }
    puts("");
}
static void make(void) {
    CHECK(mmap(place, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == place);
    place[0] = 1, place[5 * PAGE] = 6;
}
int main(void) {
    for (int limited = 0; limited < 2; limited++) {
        if (limited) CHECK(setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){4 * PAGE, 4 * PAGE}) == 0);
        make();
        show("made", 0);
        show("mlock", mlock(place, 3 * PAGE));
        show("mlock in a page", mlock(place + 3 * PAGE + 10, 20));
        show("munlock", munlock(place + PAGE, PAGE));
        show("mlock2", syscall(SYS_mlock2, place + 4 * PAGE, PAGE, 0));
        show("on fault", syscall(SYS_mlock2, place + 6 * PAGE, PAGE, MLOCK_ONFAULT));
        show("bad flag", syscall(SYS_mlock2, place, PAGE, 2));
        show("dropped", madvise(place, 2 * PAGE, MADV_DONTNEED));
        show("dropped, locked", madvise(place, 2 * PAGE, 24));
        munmap(place + 4 * PAGE, PAGE);
        show("over a hole", mlock(place, PAGES * PAGE));
        show("unlocked over a hole", munlock(place, PAGES * PAGE));
        show("beyond all", mlock(place, SIZE_MAX - PAGE));
        show("nothing", mlock(place, 0));
        for (int flags = 0; flags < 9; flags++) {
            make();
            // Of those that can be had, the program's pages only: how many there are otherwise is the recorder's, too.
            if (!limited || flags == 0 || flags > 4) show("mlockall", mlockall(flags));
            char *later = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            unsigned char there = 2;
            if (later != MAP_FAILED) CHECK(mincore(later, PAGE, &there) == 0 && munmap(later, PAGE) == 0);
            printf("later %d\n", there & 3);
            show("munlockall", munlockall());
        }
    }
    return 0;
}
