/* SPDX-License-Identifier: ISC
 *
 * A power cut for one mounted filesystem: the shutdown ioctl of ext4 and XFS
 * without flushing the log.  What was not durable is gone at the next mount. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define GOING_DOWN _IOR('X', 125, uint32_t)
enum { NO_LOG_FLUSH = 2 };

int
main(int argc, char **argv)
{
	uint32_t how = NO_LOG_FLUSH;
	int fd = argc == 2 ? open(argv[1], O_RDONLY | O_DIRECTORY) : -1;

	if (fd < 0 || ioctl(fd, GOING_DOWN, &how) < 0) {
		perror("godown");
		return 111;
	}
	return 0;
}
