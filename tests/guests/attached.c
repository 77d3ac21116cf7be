// Waits to be looked at, and says how its wait has ended.
#include <stdio.h>
#include <unistd.h>

static int word = 7;

static int wait_for(int number) {
    char byte;
    int got = (int)read(0, &byte, 1);
    return got + number + word;
}

int main(void) { printf("waited %d\n", wait_for(1)); }
