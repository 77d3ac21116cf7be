/* A line that is longer than the room for it reaches the return address. */
#include <stdio.h>
#include <string.h>

static void copy(char *to, const char *from)
{
    while (*from != '\0')
        *to++ = *from++; /* guilty */
}

__attribute__((noinline)) static int parse(const char *line)
{
    char word[16];
    memset(word, 0, sizeof word);
    copy(word, line);
    return word[0] + word[1];
}

int main(void)
{
    int sum = parse("short") + parse("this line is much longer than sixteen letters are");
    printf("%d\n", sum);
    return 0;
}
