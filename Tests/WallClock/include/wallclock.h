// Nothing to call: the library is preloaded, see wallclock.c.
