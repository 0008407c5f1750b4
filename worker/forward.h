/* forward.h - sos-init's own: one port of the sandbox's loopback, carried to a unix socket.
 *
 *   client --tcp--> 127.0.0.1:PORT  [the forwarder]  --unix--> SOCKET
 *
 * A process of its own with fixed buffers: at most FORWARD_MAX connections, more wait in the
 * kernel's queue.  Each direction ends by itself (a half-closed connection stays half open); an
 * error ends both.  It dies with the sandbox. */
#pragma once

enum { FORWARD_MAX = 128 };

/* Listen on 127.0.0.1:port; -1 and errno. */
int forward_listen(int port);
/* Fork the forwarder of `listener`; descriptor 0 to 2 are closed in it, no signal is blocked.  -1
 * and errno. */
int forward_start(int listener, const char *socket_path);
