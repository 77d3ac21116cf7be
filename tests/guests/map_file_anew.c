// A file of the same name, and perhaps of the same number, again and again: emptied, grown, mapped, stored to, unmapped. A
// mapping shorter than its page shows all of it; behind the end of the file there is SIGBUS, until the file grows.
#include "guest.h"
enum { PAGE = 4096, ROUNDS = 3 };
static sigjmp_buf fault;
static void on_fault(int number) { siglongjmp(fault, number); }
static int load(volatile unsigned char *at) {
    int number = sigsetjmp(fault, 1);
    return number != 0 ? -number : *at;
}
static unsigned char *map(int file, size_t length, int flags) {
    unsigned char *at = mmap(NULL, length, PROT_READ | PROT_WRITE, flags, file, 0);
    CHECK(at != MAP_FAILED);
    return at;
}
static void round_of(const char *name, int flags) {
    int file = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(file >= 0 && ftruncate(file, 3 * PAGE) == 0);
    unsigned char *at = map(file, 3 * PAGE, flags);
    printf("%d %d\n", at[1], at[2 * PAGE]);
    at[1]++, at[2 * PAGE] = 9;
    CHECK(munmap(at, 3 * PAGE) == 0 && ftruncate(file, PAGE) == 0 && ftruncate(file, 3 * PAGE) == 0);
    at = map(file, 3 * PAGE, flags);
    printf("%d %d\n", at[1], at[2 * PAGE]);
    CHECK(ftruncate(file, 6) == 0);
    printf("%d %d %d\n", load(at + 1), load(at + PAGE), load(at + 2 * PAGE));
    CHECK(ftruncate(file, 2 * PAGE) == 0);
    printf("%d %d %d\n", load(at + 1), load(at + PAGE), load(at + 2 * PAGE));
    unsigned char *part = map(file, 2, flags);
    part[5] = 5;
    printf("%d %d\n", part[5], at[5]);
    CHECK(munmap(part, 2) == 0 && munmap(at, 3 * PAGE) == 0 && close(file) == 0);
}
int main(void) {
    struct sigaction action = {.sa_handler = on_fault};
    CHECK(sigaction(SIGBUS, &action, NULL) == 0);
    for (int i = 0; i < ROUNDS; i++) round_of("map-anew", MAP_SHARED);
    for (int i = 0; i < ROUNDS; i++) round_of("map-anew", MAP_PRIVATE);
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(unlink("map-anew") == 0);
        round_of("map-anew", i % 2 ? MAP_SHARED : MAP_PRIVATE);
    }
    return unlink("map-anew");
}
