// Memory that the kernel may empty when it needs room (MAP_DROPPABLE): kept here, zeros for forked children, dropped when
// asked for. Where the kernel does not know it, it says so.
#include "guest.h"
#include <sys/wait.h>
#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE 0x08
#endif
enum { SIZE = 4 * 4096 };
int main(void) {
    char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_DROPPABLE, -1, 0);
    if (memory == MAP_FAILED) {
        printf("not here: %d\n", errno);
        return 0;
    }
    memset(memory, 'a', SIZE);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        int zeros = 0;
        for (int i = 0; i < SIZE; i++) zeros += memory[i] == 0;
        printf("child: %d zeros\n", zeros);
        memory[1] = 'c';
        printf("child: %d\n", memory[1]);
        fflush(stdout);
        _exit(memory[2]);
    }
    int status;
    waitpid(child, &status, 0);
    printf("parent: %c %c, child %d\n", memory[0], memory[1], WEXITSTATUS(status));
    printf("dropped: %d\n", madvise(memory, 4096, MADV_DONTNEED));
    printf("%d %c\n", memory[0], memory[4096]);
    printf("moved: %d\n", mremap(memory, SIZE, 2 * SIZE, MREMAP_MAYMOVE) != MAP_FAILED);
    return 0;
}
