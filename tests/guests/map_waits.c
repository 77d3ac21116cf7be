// Maps a file that it cannot write to, says so, and looks at the mapping when it is told to.
#include "guest.h"
int main(int count, char **arguments) {
    CHECK(count > 1);
    int file = open(arguments[1], O_RDONLY);
    char line[16], *map = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, file, 0);
    CHECK(file >= 0 && map != MAP_FAILED && close(file) == 0);
    printf("mapped %c\n", map[0]);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        if (line[0] == 'l') printf("%c\n", map[4096]);
        fflush(stdout);
    }
    return 0;
}
