/* Memory of many kinds: what children do not have, have zeros of, or share; a file that is gone; what was protected. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SIZE = 3 * 4096 };

static char *mapped(int descriptor, int protection)
{
    int flags = MAP_PRIVATE | (descriptor < 0 ? MAP_ANONYMOUS : 0);
    return mmap(0, SIZE, protection, flags, descriptor, 0);
}

int main(int count, char **words)
{
    if (count != 2)
        return 1;
    char *kept = mapped(-1, PROT_READ | PROT_WRITE), *wiped = mapped(-1, PROT_READ | PROT_WRITE);
    char *heap = sbrk(10000), name[] = "gone";
    int file = open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (write(file, "0123456789", 10) != 10)
        return 2;
    char *gone = mapped(file, PROT_READ | PROT_WRITE);
    unlink(name);
    close(file);
    gone[3] = 'x';
    strcpy(kept, "kept");
    strcpy(wiped, "wiped");
    strcpy(heap, "heap");
    madvise(kept, SIZE, MADV_DONTFORK);
    madvise(wiped, SIZE, MADV_WIPEONFORK);
    mprotect(gone, 4096, PROT_NONE);
    printf("ready\n");
    fflush(stdout);
    while (access(words[1], F_OK))
        usleep(2000);
    char *more = sbrk(100000);
    memset(more, 'm', 100000);
    mprotect(gone, 4096, PROT_READ);
    printf("%s %s %s %s %d\n", kept, wiped, heap, gone, more >= heap + 10000);
    fflush(stdout);
    int child = fork(), status;
    if (child == 0) {
        unsigned char there;
        printf("%d %d\n", mincore(kept, 4096, &there), wiped[0]);
        exit(4);
    }
    waitpid(child, &status, 0);
    printf("%d %s %s\n", WEXITSTATUS(status), kept, wiped);
    execlp("sh", "sh", "-c", "echo end; exit 5", (char *)0);
    return 6;
}
