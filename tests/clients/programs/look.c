/* Prints for each name given its addresses by getaddrinfo, or "-" where there are none. */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>

int main(int argc, char **argv) {
    for (int at = 1; at < argc; at++) {
        struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
        printf("%s", argv[at]);
        if (getaddrinfo(argv[at], NULL, &hints, &found))
            printf(" -");
        for (struct addrinfo *each = found; each; each = each->ai_next) {
            char text[INET6_ADDRSTRLEN];
            const void *address = each->ai_family == AF_INET
                                      ? (const void *)&((struct sockaddr_in *)each->ai_addr)->sin_addr
                                      : (const void *)&((struct sockaddr_in6 *)each->ai_addr)->sin6_addr;
            printf(" %s", inet_ntop(each->ai_family, address, text, sizeof text));
        }
        printf("\n");
    }
    return 0;
}
