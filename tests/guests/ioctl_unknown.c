// Requests of ioctl that no table knows, or whose structures name others: what they write is found all the same.
#include "guest.h"
#include <linux/ethtool.h>
#include <linux/if_bridge.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
static void told(const char *what, int result) { printf("%s: %d, %d\n", what, result, result < 0 ? errno : 0); }
int main(void) {
    int ends[2], none = 0;
    CHECK(pipe(ends) == 0);
    told("no descriptor", ioctl(-1, 0x2400, 0));
    told("a large one", ioctl(4000, 0x2400, 0));
    told("none, known", ioctl(-1, FIONREAD, &none));
    told("none, of fcntl", fcntl(-1, 777));
    told("a pipe", ioctl(ends[0], 0x2400, 0));
    told("a pipe, with size", ioctl(ends[0], 0xc0102401, &none));
    int file = open("/proc/self/exe", O_RDONLY);
    told("a file", ioctl(file, 0xdeadbeef, &none));
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(fd >= 0);
    // Behind a pointer in a structure, over the end of its page into one that was never touched.
    char *pages = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct ethtool_gstrings *names = (void *)(pages + 4096 - sizeof *names);
    static struct ethtool_value link = {.cmd = ETHTOOL_GLINK, .data = 7};
    struct ifreq request = {.ifr_data = (void *)names};
    strcpy(request.ifr_name, "lo");
    names->cmd = ETHTOOL_GSTRINGS, names->string_set = ETH_SS_FEATURES;
    told("names of features", ioctl(fd, SIOCETHTOOL, &request));
    printf("%u: %s, %016lx\n", names->len, (char *)names->data, (unsigned long)hash_bytes(pages, 16384));
    request.ifr_data = (void *)&link;
    told("link", ioctl(fd, SIOCETHTOOL, &request));
    printf("%u\n", link.data);
    int indices[16] = {-1, -1};
    unsigned long arguments[3] = {BRCTL_GET_BRIDGES, (unsigned long)indices, 16};
    // Where there are no bridges they say so.
    told("bridges", ioctl(fd, SIOCGIFBR, arguments));
    printf("%d\n", indices[0]);
    request.ifr_data = (void *)16;
    told("no memory", ioctl(fd, SIOCETHTOOL, &request));
    return 0;
}
