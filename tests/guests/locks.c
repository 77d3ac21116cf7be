// fcntl locks, flock, leases and flags: waiting for a lock another recorded process holds.
#include "guest.h"
#include <sys/file.h>
int main(void) {
    int file = memfd_create("locks", MFD_ALLOW_SEALING), ends[2], gate[2];
    CHECK(pipe(ends) == 0 && pipe(gate) == 0 && ftruncate(file, 100) == 0);
    struct flock lock = {.l_type = F_WRLCK, .l_start = 10, .l_len = 20}, asked;
    char byte = 0;
    pid_t child = fork();
    if (child == 0) {
        CHECK(fcntl(file, F_SETLKW, &lock) == 0 && write(ends[1], "x", 1) == 1);
        CHECK(read(gate[0], &byte, 1) == 1);
        usleep(50000);
        _exit(3);
    }
    CHECK(read(ends[0], &byte, 1) == 1);
    asked = lock;
    CHECK(fcntl(file, F_GETLK, &asked) == 0 && asked.l_pid == child && asked.l_start == 10 && asked.l_len == 20);
    CHECK(fcntl(file, F_SETLK, &lock) == -1 && errno == EAGAIN);
    CHECK(write(gate[1], &byte, 1) == 1);
    CHECK(fcntl(file, F_SETLKW, &lock) == 0 && wait_status(child) == 3 << 8);
    asked = (struct flock){.l_type = F_WRLCK};
    CHECK(fcntl(file, F_OFD_SETLK, &(struct flock){.l_type = F_RDLCK, .l_start = 50, .l_len = 1}) == 0);
    CHECK(flock(file, LOCK_EX) == 0 && flock(file, LOCK_UN) == 0);
    CHECK(fcntl(ends[0], F_SETPIPE_SZ, 65536) == 65536 && fcntl(ends[0], F_GETPIPE_SZ) == 65536);
    CHECK(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 && (fcntl(ends[0], F_GETFL) & O_NONBLOCK));
    CHECK(read(ends[0], &byte, 1) == -1 && errno == EAGAIN);
    CHECK(fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK) == 0 && fcntl(file, F_GET_SEALS) == F_SEAL_SHRINK);
    CHECK(ftruncate(file, 1) == -1 && errno == EPERM);
    CHECK(fcntl(file, F_SETOWN, getpid()) == 0 && fcntl(file, F_GETOWN) == getpid());
    printf("locked\n");
    return 0;
}
