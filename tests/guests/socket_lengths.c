// Value-result lengths: accept, getsockname, getpeername, recvfrom, getsockopt with short and long buffers.
#include "guest.h"
#include <netinet/in.h>
int main(void) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, peer;
    socklen_t length = sizeof address;
    CHECK(listener >= 0 && bind(listener, (void *)&address, sizeof address) == 0);
    if (getsockname(listener, (void *)&address, &length) != 0 || listen(listener, 5) != 0) return 1;
    CHECK(length == sizeof address && address.sin_port != 0);
    CHECK(connect(client, (void *)&address, sizeof address) == 0);
    char room[64];
    memset(room, 'r', sizeof room);
    length = 4;
    int server = accept4(listener, (void *)room, &length, SOCK_CLOEXEC);
    CHECK(server >= 0 && length == sizeof address && room[4] == 'r');
    length = sizeof room;
    CHECK(getpeername(server, (void *)room, &length) == 0 && length == sizeof peer);
    length = 0;
    CHECK(getsockname(server, (void *)room, &length) == 0 && length == sizeof peer);
    int type = 0;
    length = 2;
    CHECK(getsockopt(server, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && length == 2 && type == SOCK_STREAM);
    length = sizeof type;
    CHECK(getsockopt(server, SOL_SOCKET, SO_ERROR, &type, &length) == 0 && type == 0);
    CHECK(send(client, "stream data", 11, 0) == 11 && recv(server, room, 6, MSG_PEEK) == 6);
    CHECK(recv(server, room, sizeof room, 0) == 11 && memcmp(room, "stream data", 11) == 0);
    int one = socket(AF_INET, SOCK_DGRAM, 0), two = socket(AF_INET, SOCK_DGRAM, 0);
    address.sin_port = 0, length = sizeof address;
    CHECK(bind(one, (void *)&address, sizeof address) == 0 && getsockname(one, (void *)&address, &length) == 0);
    CHECK(sendto(two, "a datagram", 10, 0, (void *)&address, sizeof address) == 10);
    memset(room, 'r', sizeof room);
    length = sizeof peer;
    CHECK(recvfrom(one, room, 4, MSG_TRUNC, (void *)&peer, &length) == 10 && room[4] == 'r' && length == sizeof peer);
    CHECK(recvfrom(one, room, 4, MSG_DONTWAIT, NULL, NULL) == -1 && errno == EAGAIN);
    CHECK(shutdown(client, SHUT_WR) == 0 && recv(server, room, 5, 0) == 0);
    printf("lengths\n");
    return 0;
}
