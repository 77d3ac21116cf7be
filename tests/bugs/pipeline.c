/* One process sends records to another one; the length of one of them is wrong. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct record {
    int length;
    char text[28];
};

static void send(const char *text)
{
    struct record record = {0};
    size_t length = strlen(text);
    memcpy(record.text, text, length);
    record.length = (int)(length - 4); /* guilty */
    if (write(1, &record, sizeof record) != sizeof record)
        exit(1);
}

static long letters(const struct record *record)
{
    long found = 0;
    char *copy = malloc(64);
    for (int i = 0; i != record->length; i++) {
        copy[i] = record->text[i % 28]; /* crashes */
        found += copy[i] != ' ';
    }
    free(copy);
    return found;
}

static void receive(void)
{
    struct record record;
    long sum = 0;
    while (read(0, &record, sizeof record) == sizeof record)
        sum += letters(&record);
    printf("%ld\n", sum);
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        receive();
        return 0;
    }
    send("first, ");
    send("second, ");
    send("3");
    return 0;
}
