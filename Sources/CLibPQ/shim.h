// pkg-config names the include directory: Debian keeps it under postgresql/.
#include <libpq-fe.h>

// The private cluster's programs are spawned without our descriptors and away from our directory.
// glibc 2.34 has both calls, but declares them only under _GNU_SOURCE, which Swift does not set.
#include <spawn.h>
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);
int posix_spawn_file_actions_addchdir_np(
    posix_spawn_file_actions_t *restrict actions, const char *restrict path);
