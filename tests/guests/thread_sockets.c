// A server thread for each client: accept, connect, send, receive, shutdown over loopback.
#include "guest.h"
#include <netinet/in.h>
#include <pthread.h>
static int listener;
static struct sockaddr_in address = {.sin_family = AF_INET};
enum { CLIENTS = 5, LINES = 40 };
static void *serves(void *argument) {
    int connection = (int)(size_t)argument;
    char line[64];
    for (ssize_t count; (count = recv(connection, line, sizeof line, 0)) > 0;) {
        for (ssize_t i = 0; i < count; i++) line[i] ^= 0x20;
        CHECK(send(connection, line, (size_t)count, MSG_NOSIGNAL) == count);
    }
    close(connection);
    return NULL;
}
static void *accepts(void *argument) {
    pthread_t thread[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        struct sockaddr_in peer;
        socklen_t length = sizeof peer;
        int connection = accept(listener, (struct sockaddr *)&peer, &length);
        CHECK(connection >= 0 && length == sizeof peer && peer.sin_family == AF_INET);
        pthread_create(&thread[i], NULL, serves, (void *)(size_t)connection);
    }
    for (int i = 0; i < CLIENTS; i++) pthread_join(thread[i], NULL);
    return argument;
}
static void *asks(void *argument) {
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(connection, (struct sockaddr *)&address, sizeof address) == 0);
    for (int i = 0; i < LINES; i++) {
        char text[40] = "", answer[40] = "";
        int length = snprintf(text, sizeof text, "client %ld line %d", (long)argument, i);
        CHECK(send(connection, text, (size_t)length, 0) == length);
        CHECK(recv(connection, answer, (size_t)length, MSG_WAITALL) == length);
        CHECK(answer[0] == 'C');
    }
    CHECK(shutdown(connection, SHUT_RDWR) == 0 && close(connection) == 0);
    return NULL;
}
int main(void) {
    socklen_t length = sizeof address;
    pthread_t server, client[CLIENTS];
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
    CHECK(listen(listener, 8) == 0);
    pthread_create(&server, NULL, accepts, NULL);
    for (size_t i = 0; i < CLIENTS; i++) pthread_create(&client[i], NULL, asks, (void *)i);
    for (int i = 0; i < CLIENTS; i++) pthread_join(client[i], NULL);
    pthread_join(server, NULL);
    printf("%d lines\n", CLIENTS * LINES);
    return 0;
}
