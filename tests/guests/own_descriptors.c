// /proc/self/fd lists 0, 1, 2 and the directory itself; nothing of ours.
#include "guest.h"
#include <dirent.h>
int main(void) {
    for (int i = 3; i < 20; i++) CHECK(fcntl(i, F_GETFD) == -1 && errno == EBADF);
    const char *places[] = {"/proc/self/fd", "/proc/self/fdinfo", "/proc/thread-self/fd"};
    for (int i = 0; i < 3; i++) {
        DIR *folder = opendir(places[i]);
        CHECK(folder);
        uint64_t seen = 0;
        struct dirent *entry;
        while ((entry = readdir(folder)))
            if (entry->d_name[0] != '.') {
                CHECK(atoi(entry->d_name) < 64);
                seen |= 1ull << atoi(entry->d_name);
            }
        printf("%s %lx\n", places[i], seen);
        closedir(folder);
    }
    printf("first free: %d\n", dup(0));
    printf("first free from 900: %d\n", fcntl(0, F_DUPFD, 900));
    return 0;
}
