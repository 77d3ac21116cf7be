/* A small store of keys and values, driven by a file of requests:
 *
 *     set KEY VALUE        keep a value; %20 and the like stand for characters
 *     append KEY VALUE     lengthen it
 *     get KEY              print it
 *     delete KEY           forget it
 *     list                 print all keys
 *     count                print how many there are
 *     repeat N REQUEST     carry out a request N times, printing only the last answer
 *
 * Everything lives in one arena, as in many stores: keys, values and what holds them together lie
 * side by side, in the order in which they came.
 */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BUCKETS = 8,
    ARENA_SIZE = 1 << 16,
    LONGEST_LINE = 1024,
    ALIGNMENT = 8,
};

struct entry {
    struct entry *next; /* in the same bucket */
    char *key;
    char *value;
    size_t length;   /* of the value */
    size_t capacity; /* bytes the value may have where it is */
};

struct store {
    char *arena;
    size_t used;
    size_t count;
    struct entry *buckets[BUCKETS];
};

struct request {
    char *verb;
    char *key;
    char *value;
};

/* ------------------------------------------------------------------ memory */

static void fail(const char *what)
{
    fprintf(stderr, "store: %s\n", what);
    exit(EXIT_FAILURE);
}

static void *take(struct store *store, size_t size)
{
    size_t rounded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;

    if (rounded > ARENA_SIZE - store->used)
        fail("the arena is full");
    void *taken = store->arena + store->used;
    store->used += rounded;
    return taken;
}

static struct store *store_new(void)
{
    struct store *store = calloc(1, sizeof *store);

    if (store == NULL)
        fail("no memory");
    store->arena = aligned_alloc(4096, ARENA_SIZE);
    if (store->arena == NULL)
        fail("no memory");
    memset(store->arena, 0, ARENA_SIZE);
    return store;
}

static void store_free(struct store *store)
{
    free(store->arena);
    free(store);
}

/* -------------------------------------------------------------------- text */

static int hexadecimal(char digit)
{
    if (isdigit((unsigned char)digit))
        return digit - '0';
    digit = (char)tolower((unsigned char)digit);
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* Whether a text goes on with a character written as %xx. */
static bool is_escape(const char *text)
{
    return text[0] == '%' && text[1] != '\0' && hexadecimal(text[1]) >= 0 &&
           hexadecimal(text[2]) >= 0;
}

/* Length of a text once its escapes are characters. */
static size_t decoded_length(const char *text)
{
    size_t length = 0;

    for (; *text != '\0'; length++)
        text += is_escape(text) ? 3 : 1;
    return length;
}

/* Turn a text with escapes into characters. */
static size_t decode(char *to, const char *text)
{
    size_t length = 0;

    while (*text != '\0') {
        if (is_escape(text)) {
            to[length++] = (char)(hexadecimal(text[1]) << 4 | hexadecimal(text[2]));
            text += 3;
        } else {
            to[length++] = *text++;
        }
    }
    to[length] = '\0';
    return length;
}

static char *keep(struct store *store, const char *text)
{
    char *kept = take(store, strlen(text) + 1);

    return strcpy(kept, text);
}

/* ------------------------------------------------------------------- table */

static unsigned bucket_of(const char *key)
{
    unsigned hash = 5381;

    while (*key != '\0')
        hash = hash * 33 + (unsigned char)*key++;
    return hash % BUCKETS;
}

/* The entry of a key; entries that are found come to the front of their bucket. */
static struct entry *find(struct store *store, const char *key)
{
    struct entry **bucket = &store->buckets[bucket_of(key)];
    struct entry *previous = NULL;

    for (struct entry *entry = *bucket; entry != NULL; previous = entry, entry = entry->next) {
        const char *one = entry->key, *other = key;
        while (*one != '\0' && *one == *other)
            one++, other++;
        if (*one != *other)
            continue;
        if (previous != NULL) {
            previous->next = entry->next;
            entry->next = *bucket;
            *bucket = entry;
        }
        return entry;
    }
    return NULL;
}

static struct entry *insert(struct store *store, const char *key)
{
    struct entry **bucket = &store->buckets[bucket_of(key)];
    struct entry *entry = take(store, sizeof *entry);

    entry->key = keep(store, key);
    entry->next = *bucket;
    *bucket = entry;
    store->count++;
    return entry;
}

/* ---------------------------------------------------------------- requests */

static void set(struct store *store, const char *key, const char *text)
{
    struct entry *entry = find(store, key);
    size_t length = decoded_length(text);

    if (entry == NULL)
        entry = insert(store, key);
    if (length > entry->capacity) {
        entry->value = take(store, length);
        entry->capacity = length;
    }
    entry->length = decode(entry->value, text);
}

static void append(struct store *store, const char *key, const char *text)
{
    struct entry *entry = find(store, key);

    if (entry == NULL || entry->length == 0) {
        set(store, key, text);
        return;
    }
    size_t length = entry->length + decoded_length(text);
    if (length > entry->capacity) {
        char *longer = take(store, length);
        memcpy(longer, entry->value, entry->length);
        entry->value = longer;
        entry->capacity = length;
    }
    entry->length += decode(entry->value + entry->length, text);
}

static void get(struct store *store, const char *key, bool is_silent)
{
    struct entry *entry = find(store, key);

    if (is_silent)
        return;
    if (entry == NULL)
        printf("%s is not there\n", key);
    else
        printf("%s = %.*s\n", key, (int)entry->length, entry->value);
}

static void delete(struct store *store, const char *key)
{
    struct entry *entry = find(store, key);

    if (entry == NULL)
        return;
    /* It has come to the front; its memory stays where it is. */
    store->buckets[bucket_of(key)] = entry->next;
    store->count--;
}

static void list(struct store *store)
{
    for (unsigned number = 0; number < BUCKETS; number++)
        for (struct entry *entry = store->buckets[number]; entry != NULL; entry = entry->next)
            printf("%s\n", entry->key);
}

static bool parse(char *line, struct request *request)
{
    line[strcspn(line, "\r\n")] = '\0';
    request->verb = strtok(line, " ");
    request->key = strtok(NULL, " ");
    request->value = strtok(NULL, "");
    return request->verb != NULL && request->verb[0] != '#';
}

static bool carry_out(struct store *store, struct request request, bool is_silent)
{
    const char *verb = request.verb;

    if (strcmp(verb, "count") == 0)
        printf("%zu\n", store->count);
    else if (strcmp(verb, "list") == 0)
        list(store);
    else if (request.key == NULL)
        return false;
    else if (strcmp(verb, "get") == 0)
        get(store, request.key, is_silent);
    else if (strcmp(verb, "delete") == 0)
        delete(store, request.key);
    else if (request.value == NULL)
        return false;
    else if (strcmp(verb, "set") == 0)
        set(store, request.key, request.value);
    else if (strcmp(verb, "append") == 0)
        append(store, request.key, request.value);
    else
        return false;
    return true;
}

static bool repeat(struct store *store, struct request request)
{
    long times = strtol(request.key, NULL, 10);
    struct request inner;

    if (times <= 0 || request.value == NULL || !parse(request.value, &inner))
        return false;
    for (long number = 1; number < times; number++)
        if (!carry_out(store, inner, true))
            return false;
    return carry_out(store, inner, false);
}

int main(int argc, char **argv)
{
    char line[LONGEST_LINE];
    FILE *file = argc > 1 ? fopen(argv[1], "r") : stdin;

    if (file == NULL) {
        fprintf(stderr, "store: %s: %s\n", argv[1], strerror(errno));
        return EXIT_FAILURE;
    }
    struct store *store = store_new();
    for (int number = 1; fgets(line, sizeof line, file) != NULL; number++) {
        struct request request;
        if (!parse(line, &request))
            continue;
        bool is_repeated = strcmp(request.verb, "repeat") == 0 && request.key != NULL;
        if (!(is_repeated ? repeat(store, request) : carry_out(store, request, false)))
            fprintf(stderr, "store: line %d is no request\n", number);
    }
    store_free(store);
    return EXIT_SUCCESS;
}
