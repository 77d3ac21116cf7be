// A process keeps its locks of a file that it maps, writes to and resizes: another one finds them.
#include "guest.h"
static int file;
static void look(const char *when) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 1};
        CHECK(fcntl(file, F_GETLK, &lock) == 0);
        printf("%s: %s\n", when, lock.l_type == F_WRLCK && lock.l_pid == getppid() ? "locked" : "free");
        fflush(stdout);
        _exit(0);
    }
    CHECK(wait_status(child) == 0);
}
int main(void) {
    char name[] = "locks-XXXXXX";
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 100};
    CHECK((file = mkstemp(name)) >= 0 && ftruncate(file, 8192) == 0 && fcntl(file, F_SETLK, &lock) == 0);
    look("at first");
    char *kept = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 0);
    char *shared = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(kept != MAP_FAILED && shared != MAP_FAILED);
    look("mapped");
    CHECK(pwrite(file, "text", 4, 3) == 4 && ftruncate(file, 5000) == 0 && ftruncate(file, 100000) == 0);
    look("changed");
    CHECK(munmap(shared, 8192) == 0 && mmap(shared, 8192, PROT_READ, MAP_SHARED | MAP_FIXED, file, 4096) == shared);
    printf("%s %d\n", kept + 3, shared[0]);
    look("mapped again");
    return unlink(name);
}
