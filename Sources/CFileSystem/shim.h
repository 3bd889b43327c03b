// What Swift cannot import: requests whose numbers macros make, a struct with an open end, statfs.
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

/// Lets `to`, an empty file, hold what `from` holds, in the same extents. 0, or -1 and errno.
static inline int file_clone(int to, int from) { return ioctl(to, FICLONE, from); }

/// Whether files can share extents where this one is, and say so: btrfs and xfs.
static inline int file_shares_extents(int file)
{
    struct statfs status;
    return fstatfs(file, &status) == 0 && (status.f_type == BTRFS_SUPER_MAGIC || status.f_type == XFS_SUPER_MAGIC);
}

/// Where the file's bytes begin on the disk, when they have a place that other files share too; else 0.
static inline unsigned long long file_shared_place(int file)
{
    union {
        struct fiemap map;
        char room[sizeof(struct fiemap) + sizeof(struct fiemap_extent)];
    } question = {{0}};
    question.map.fm_length = FIEMAP_MAX_OFFSET;
    question.map.fm_extent_count = 1;
    if (ioctl(file, FS_IOC_FIEMAP, &question.map) != 0 || question.map.fm_mapped_extents != 1) return 0;
    const struct fiemap_extent *first = question.map.fm_extents;
    const unsigned placeless = FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC | FIEMAP_EXTENT_DATA_INLINE;
    if (first->fe_logical != 0 || (first->fe_flags & placeless) || !(first->fe_flags & FIEMAP_EXTENT_SHARED)) return 0;
    return first->fe_physical;
}
