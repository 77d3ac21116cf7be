// A growing mapping meets its own lower part, a mapping without access, and one with access: only the last
// keeps it at a distance (stack_guard_gap).
#include "guest.h"
enum { PAGE = 4096, GAP = 256 };
static sigjmp_buf back;
static void refused(int number, siginfo_t *info, void *context) {
    (void)number, (void)info, (void)context;
    siglongjmp(back, 1);
}
static int grows_to(volatile char *at) {
    if (sigsetjmp(back, 1)) return 0;
    *at = 7;
    return 1;
}
static char *growing_at(char *at) {
    char *made = mmap(at, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
    CHECK(made == at);
    return made;
}
int main(void) {
    on_signal(SIGSEGV, refused, 0);
    // Room of our own: what is mapped there is what is meant.
    size_t room = 64 << 20;
    char *low = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(low != MAP_FAILED && munmap(low, room) == 0);
    char *stack = growing_at(low + (48 << 20));
    for (int i = 1; i < 40; i++) stack[-i * PAGE] = (char)i;
    CHECK(munmap(stack - 20 * PAGE, PAGE) == 0);
    printf("over a hole: %d, below it %d\n", grows_to(stack - 20 * PAGE), stack[-39 * PAGE]);
    char *second = growing_at(low + (32 << 20));
    CHECK(mmap(second - 8 * PAGE, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED);
    printf("to one without access: %d\n", grows_to(second - 7 * PAGE));
    char *third = growing_at(low + (16 << 20));
    CHECK(mmap(third - 2 * GAP * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED);
    for (int distance = GAP + 3; distance > GAP - 3; distance--)
        printf("%d pages above one with access: %d\n", distance - 1,
               grows_to(third - (2 * GAP - distance) * PAGE));
    return 0;
}
